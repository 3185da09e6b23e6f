// Package program starts VPNs, relays and stacks of others, one process tree for each
// of two ends, as their YAML files say, and reads what they print and what they cost.
package program

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Kinds of a device.
const (
	TUN = "tun"
	TAP = "tap"
)

// What an end may be waited for, beside its device, which is always.
const (
	WhenUp      = "up"      // somebody has set the device up
	WhenAddress = "address" // the program has given the device its address
	WhenPing    = "ping"    // a packet from each end has reached the other one
)

const (
	maxFile = 1 << 20 // bytes
	// defaultWithin is how long a program may take to be ready, and mostWithin is the
	// most that a file may allow it.
	defaultWithin = 10 * time.Second
	mostWithin    = 5 * time.Minute
	// defaultStop is how long a program may take to end when it is told to.
	defaultStop     = 3 * time.Second
	defaultOverhead = 120 // bytes
	mostOverhead    = 4096
)

// File is a program that can stand between two hosts, as a YAML file describes it. All
// texts of commands, environment, files and device names are templates of text/template,
// whose fields are those of Place.
type File struct {
	Path string `yaml:"-"` // of the file; "" for a program that ships with tunbench

	Name    string `yaml:"name"` // the value of the axis program
	About   string `yaml:"about"`
	Install string `yaml:"install"` // what to do if a command is not installed
	// Overhead is what an IP packet may grow by between the two programs, in bytes. The
	// link between them takes so much more than the devices. 0: 120.
	Overhead int `yaml:"overhead"`
	// Prepare are commands that run before the programs start, one after the other, in the
	// temporary folder: such as those that make keys.
	Prepare [][]string `yaml:"prepare"`
	Ends    []End      `yaml:"ends"` // of the first host and of the second; one stands for both
}

// End is the program on one host.
type End struct {
	Command []string          `yaml:"command"` // which stays in the foreground
	Env     map[string]string `yaml:"env"`     // in addition to tunbench's own
	Files   map[string]string `yaml:"files"`   // by their name in the temporary folder; written after Prepare
	Device  Device            `yaml:"device"`
	// Private are folders that this end sees empty and has for itself: such as /run, for
	// a program whose sockets have fixed names there.
	Private []string `yaml:"private"`
	// After are commands that run beside the program, one after the other, each again
	// and again until it succeeds: such as those that configure it.
	After [][]string `yaml:"after"`
	Ready Ready      `yaml:"ready"`
	Stop  Stop       `yaml:"stop"`
}

// Device is the one that a program makes.
type Device struct {
	Kind string `yaml:"kind"` // tun or tap
	Name string `yaml:"name"`
}

// Ready says when a program is ready for traffic.
type Ready struct {
	When   []string      `yaml:"when"`   // of up, address and ping, all of which must hold
	Line   string        `yaml:"line"`   // a regular expression that a line of the output matches; "": none
	Within time.Duration `yaml:"within"` // 0: 10 s
}

// Stop says how a program is told to end. What has not ended by then is killed.
type Stop struct {
	Signal string        `yaml:"signal"` // TERM, INT, HUP, QUIT, USR1 or USR2; "": TERM
	Within time.Duration `yaml:"within"` // 0: 3 s
}

// End returns that of a host, 0 or 1.
func (f *File) End(host int) End { return f.Ends[min(host, len(f.Ends)-1)] }

// Kind is that of the devices of both ends.
func (f *File) Kind() string { return f.Ends[0].Device.Kind }

// missing is an error if the file names a command that this host does not have. One
// whose name is a template is found out when it starts.
func (f *File) missing() error {
	commands := slices.Clone(f.Prepare)
	for _, e := range f.Ends {
		commands = append(append(commands, e.Command), e.After...)
	}
	for _, c := range commands {
		if name := c[0]; !strings.Contains(name, "{{") && lookPath(name) != nil {
			return &MissingError{f.Name, name, f.Install}
		}
	}
	return nil
}

// Matches is the regular expression of Line; nil if there is none.
func (r Ready) Matches() *regexp.Regexp {
	if r.Line == "" {
		return nil
	}
	return regexp.MustCompile(r.Line) // which Parse has compiled
}

// Load reads the file at path.
func Load(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open program file: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read program file: %w", err)
	}
	f, err := Parse(path, text)
	if err != nil {
		return nil, err
	}
	if f.Path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("find program file %s: %w", path, err)
	}
	return f, nil
}

// Parse reads the text of a program file, of which name is the name in errors. Defaults
// are filled in. An error begins with the file and the line, and says what to do.
func Parse(name string, text []byte) (*File, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: the file is larger than %d bytes: a program file is a page of YAML", name, maxFile)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if len(root.Content) == 0 {
		return nil, fmt.Errorf("%s: the file is empty: begin with `name:` and `ends:`", name)
	}
	f := &File{}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, fieldError(err))
	}
	if dec.Decode(new(yaml.Node)) != io.EOF {
		return nil, fmt.Errorf("%s: there are several documents: keep one", name)
	}
	f.complete()
	c := checker{file: name, root: root.Content[0]}
	return f, c.check(f)
}

// complete fills in the defaults.
func (f *File) complete() {
	if f.Overhead == 0 {
		f.Overhead = defaultOverhead
	}
	for i := range f.Ends {
		e := &f.Ends[i]
		if e.Ready.Within == 0 {
			e.Ready.Within = defaultWithin
		}
		if e.Stop.Signal == "" {
			e.Stop.Signal = "TERM"
		}
		if e.Stop.Within == 0 {
			e.Stop.Within = defaultStop
		}
	}
}

// unknown is how the YAML library reports a field that a type does not have.
var unknown = regexp.MustCompile(`line (\d+): field (\S+) not found in type program\.(\w+)`)

// fields are those of each type of a program file.
var fields = map[string]string{
	"File":   "name, about, install, overhead, prepare, ends",
	"End":    "command, env, files, device, private, after, ready, stop",
	"Device": "kind, name",
	"Ready":  "when, line, within",
	"Stop":   "signal, within",
}

// wrong is how the YAML library reports a value that does not fit its field.
var wrong = regexp.MustCompile("(?s)^line (\\d+): cannot unmarshal !!(\\w+) (?:`(.*)` )?into (\\S+)$")

// shapes says what to write for a field of each type.
var shapes = map[string]string{
	"program.File":      "write `name:` and `ends:`",
	"[]program.End":     "write a list, of which each entry begins with `- command:`",
	"program.End":       "write `command:` and `device:`",
	"program.Device":    "write {kind: tun, name: tun0}",
	"program.Ready":     "write what to wait for, such as {when: [up, ping]}",
	"program.Stop":      "write a signal and a time, such as {signal: INT, within: 5s}",
	"[]string":          "write a list, such as [openvpn, --config, a.conf]",
	"[][]string":        "write a list of commands, of which each is a list, such as [[ip, link, show]]",
	"map[string]string": "write names and texts, such as {NAME: text}",
	"time.Duration":     "write a time with its unit, such as 10s or 500ms",
	"int":               "write a whole number",
}

// fieldError rewrites an error of the YAML library in the words of a program file.
func fieldError(err error) error {
	var types *yaml.TypeError
	if !errors.As(err, &types) || len(types.Errors) == 0 {
		return errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	first := types.Errors[0]
	if m := unknown.FindStringSubmatch(first); m != nil {
		return fmt.Errorf("line %s: no field %q here: choose %s", m[1], m[2], fields[m[3]])
	}
	if m := wrong.FindStringSubmatch(first); m != nil && shapes[m[4]] != "" {
		kind := map[string]string{"seq": "a list", "map": "fields"}[m[2]]
		return fmt.Errorf("line %s: %s cannot stand here: %s", m[1], cmp.Or(kind, fmt.Sprintf("%q", m[3])), shapes[m[4]])
	}
	return errors.New(first)
}
