package record

import (
	"reflect"
	"slices"
)

// Run is the header of a file: which tool, which host, which settings.
type Run struct {
	Kind    Kind     `json:"kind"`
	Schema  int      `json:"schema"`
	ID      string   `json:"id"`
	Started string   `json:"started"` // RFC 3339, UTC
	Tool    Tool     `json:"tool"`
	Clock   string   `json:"clock"` // "monotonic" or "icount"
	Suite   string   `json:"suite"`
	Seed    uint64   `json:"seed"`
	Args    []string `json:"args"`
	Host    Host     `json:"host"`
	Hook    Hook     `json:"hook"`
	Floor   Floor    `json:"floor"`
	// Plan is what the run set out to measure; nil in the files of tunbench ab, in
	// the header of a merged file, and where an older tunbench wrote it.
	Plan *Plan `json:"plan,omitempty"`
	// Sees maps a metric to the smallest true change that A/A runs detected on this
	// host under this kernel: a ratio of 1, or a difference where the metric is judged
	// by differences (loss, jain). Empty where there is no A/A run.
	Sees map[string]float64 `json:"sees,omitempty"`
	// Builds maps the letter of each variant to the program that measured it, in a
	// file of tunbench ab that compared two programs. Tool is the program that ran the
	// comparison.
	Builds map[string]Build `json:"builds,omitempty"`
	// Modules maps a value of the axis module to the build of TUN that it stands for, as
	// the command line named them; empty where it named none.
	Modules map[string]Module `json:"modules,omitempty"`
	// Shard is set where the run is a part of its plan. Parts are the shards of a
	// merged file, in their order; the rest of that file's header is what they have in
	// common.
	Shard *Shard `json:"shard,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

func (r Run) String() string { return "run header" }
func (r Run) check() error   { return sound(reflect.ValueOf(r), "") }

func (r Run) seal() any {
	r.Kind, r.Schema = KindRun, Schema
	fillSlice(&r.Args)
	fillMap(&r.Host.Mitigations)
	fillMap(&r.Host.Config)
	fillMap(&r.Host.Sysctl)
	fillSlice(&r.Hook.PassedOver)
	fillSlice(&r.Hook.Programs)
	fillMap(&r.Floor.CopyNs)
	if r.Plan != nil {
		p := *r.Plan
		fillSlice(&p.Arms)
		fillSlice(&p.Timings)
		r.Plan = &p
	}
	parts := slices.Clone(r.Parts)
	for i := range parts {
		parts[i].Run = parts[i].Run.seal().(Run)
		if e := parts[i].End; e != nil {
			end := e.seal().(End)
			parts[i].End = &end
		}
	}
	r.Parts = parts
	return r
}

// Missing returns the indexes of the shards that a merged file lacks.
func (r *Run) Missing() (missing []int) {
	if len(r.Parts) == 0 || r.Parts[0].Run.Shard == nil {
		return nil
	}
	for i := 1; i <= min(r.Parts[0].Run.Shard.Of, maxShards); i++ {
		if !slices.ContainsFunc(r.Parts, func(p Part) bool { return p.Run.Shard != nil && p.Run.Shard.Index == i }) {
			missing = append(missing, i)
		}
	}
	return missing
}

// Plan is what a run set out to measure. A run can be resumed only with the same plan,
// so that its trials are those of one run.
type Plan struct {
	// Hash is the hash of the fields below except SuiteFile, and of the run's suite,
	// seed, clock and requested hook.
	Hash      string   `json:"hash"`
	SuiteFile string   `json:"suite_file,omitempty"` // absolute path; "" for a suite that is built in
	Pairs     int      `json:"pairs"`                // of each scenario
	Arms      []Arm    `json:"arms"`
	Search    string   `json:"search,omitempty"` // profile
	CPUs      []int    `json:"cpus,omitempty"`   // as requested
	Timings   []Timing `json:"timings"`          // of all scenarios, in their order
	// Require are the limits that the suite sets.
	Require []Requirement `json:"require,omitempty"`
}

// Limit is a value that a metric, or the quantile of a latency, must be on one side of.
type Limit struct {
	Metric  string  `json:"metric"` // such as pps, or e2e_p99
	Op      string  `json:"op"`     // "<", "<=", ">" or ">="
	Value   float64 `json:"limit"`
	Written string  `json:"written"` // as in the suite file
}

// Requirement is a Limit and the scenarios that have it.
type Requirement struct {
	Limit
	Scenarios []string `json:"scenarios"`
}

// Timing is how long each trial of some scenarios of a Plan takes.
type Timing struct {
	WarmupNs  int64    `json:"warmup_ns"`
	MeasureNs int64    `json:"measure_ns"`
	WindowNs  int64    `json:"window_ns"`
	Scenarios []string `json:"scenarios"`
}

// Build is a tunbench executable.
type Build struct {
	Path   string `json:"path"` // as it was given
	SHA256 string `json:"sha256"`
	Tool   Tool   `json:"tool"`
}

// Module is a build of the kernel's TUN module.
type Module struct {
	Path       string `json:"path"` // of its file
	SHA256     string `json:"sha256"`
	SrcVersion string `json:"srcversion,omitempty"` // a hash of its sources, as the kernel shows it
	Parameters string `json:"parameters,omitempty"` // as insmod takes them
}

// Tool names the tunbench that made the file.
type Tool struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
}

// HookMixed is the hook in the header of a merged file whose shards used different
// hooks.
const HookMixed = "mixed"
