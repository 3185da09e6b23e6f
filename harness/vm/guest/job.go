package guest

// Paths in the guest.
const (
	InitPath   = "/init"
	JobPath    = "/etc/tunbench/guest.json" // holds a Config
	ModulesDir = "/modules"                 // modules, named in the order in which Init loads them

	// OutDir is the folder whose files a guest hands out.
	OutDir = "/out"
)

// Job is what a guest does, in this order, before it powers off.
type Job struct {
	Commands [][]string        `json:"commands"` // arguments of tunbench, one list per command
	Env      []string          `json:"env"`      // KEY=value, beside HOME and PATH
	Files    map[string][]byte `json:"-"`        // absolute path in the guest -> contents
}

// Config is what Init reads from JobPath.
type Config struct {
	Job
	Optional []string `json:"optional"` // modules that the guest can do without
	// NoModules is what the user can do about a kernel that was given without
	// modules; "" if it came with them.
	NoModules string `json:"no_modules"`
}
