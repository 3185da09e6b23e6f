package program

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// checker finds what is wrong in a program file, and in which line.
type checker struct {
	file string
	root *yaml.Node
}

// line is that of the field at path, or of the nearest field around it that is there.
func (c checker) line(path ...any) int {
	node := c.root
	for _, step := range path {
		next := child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return node.Line
}

func child(node *yaml.Node, step any) *yaml.Node {
	switch step := step.(type) {
	case int:
		if node.Kind == yaml.SequenceNode && step < len(node.Content) {
			return node.Content[step]
		}
	case string:
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	}
	return nil
}

// errorf is an error about the field at path.
func (c checker) errorf(path []any, format string, args ...any) error {
	var name strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&name, "[%d]", step)
		case string:
			if name.Len() > 0 {
				name.WriteByte('.')
			}
			name.WriteString(step)
		}
	}
	return fmt.Errorf("%s: line %d: %s: %s", c.file, c.line(path...), name.String(), fmt.Sprintf(format, args...))
}

func at(path ...any) []any { return path }

// nameOf is what names of programs look like: they are values of an axis.
var nameOf = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,39}$`)

func (c checker) check(f *File) error {
	switch {
	case f.Name == "":
		return c.errorf(at("name"), "is missing: it is how the axis program and reports name this program")
	case !nameOf.MatchString(f.Name) || f.Name == None:
		return c.errorf(at("name"), "%q cannot be the name of a program: use up to 40 of a-z, 0-9, dot, hyphen and underscore, and not %s", f.Name, None)
	case f.Overhead < 0 || f.Overhead > mostOverhead:
		return c.errorf(at("overhead"), "%d bytes: choose 1 to %d", f.Overhead, mostOverhead)
	case len(f.Ends) == 0:
		return c.errorf(at("ends"), "is missing: say what runs on each of the two hosts; one entry stands for both")
	case len(f.Ends) > 2:
		return c.errorf(at("ends"), "there are %d: a path has two ends", len(f.Ends))
	}
	if err := c.commands(at("prepare"), f.Prepare); err != nil {
		return err
	}
	for i, e := range f.Ends {
		if err := c.end(at("ends", i), e); err != nil {
			return err
		}
	}
	if first, second := f.End(0).Device.Kind, f.End(1).Device.Kind; first != second {
		return c.errorf(at("ends", 1, "device", "kind"), "%q: both ends make devices of one kind, and the first one's is %q", second, first)
	}
	return c.render(f)
}

// within is path with steps added.
func within(path []any, steps ...any) []any { return slices.Concat(path, steps) }

func (c checker) end(path []any, e End) error {
	switch {
	case len(e.Command) == 0 || e.Command[0] == "":
		return c.errorf(within(path, "command"), "is missing: give the program and its arguments as a list")
	case e.Device.Kind != TUN && e.Device.Kind != TAP:
		return c.errorf(within(path, "device", "kind"), "%q: choose %s or %s", e.Device.Kind, TUN, TAP)
	case e.Device.Name == "":
		return c.errorf(within(path, "device", "name"), "is missing: say how the device is named that the program makes")
	case e.Ready.Within < 0 || e.Ready.Within > mostWithin:
		return c.errorf(within(path, "ready", "within"), "%v: choose up to %v", e.Ready.Within, mostWithin)
	case e.Stop.Within < 0 || e.Stop.Within > mostWithin:
		return c.errorf(within(path, "stop", "within"), "%v: choose up to %v", e.Stop.Within, mostWithin)
	case signals[e.Stop.Signal] == 0:
		return c.errorf(within(path, "stop", "signal"), "%q: choose TERM, INT, HUP, QUIT, USR1 or USR2", e.Stop.Signal)
	}
	for i, when := range e.Ready.When {
		if when != WhenUp && when != WhenAddress && when != WhenPing {
			return c.errorf(within(path, "ready", "when", i), "%q: choose %s, %s or %s; for a line of the output use ready.line", when, WhenUp, WhenAddress, WhenPing)
		}
	}
	if _, err := regexp.Compile(e.Ready.Line); err != nil {
		return c.errorf(within(path, "ready", "line"), "%v", err)
	}
	for name := range e.Files {
		if !filepath.IsLocal(name) {
			return c.errorf(within(path, "files", name), "a file is written into the temporary folder: give it a name in there, such as %s", filepath.Base(name))
		}
	}
	for i, folder := range e.Private {
		if !filepath.IsAbs(folder) || filepath.Clean(folder) == "/" {
			return c.errorf(within(path, "private", i), "%q: give a folder's full name, such as /run", folder)
		}
	}
	return c.commands(within(path, "after"), e.After)
}

func (c checker) commands(path []any, list [][]string) error {
	for i, command := range list {
		if len(command) == 0 || command[0] == "" {
			return c.errorf(within(path, i), "is empty: give a program and its arguments as a list")
		}
	}
	return nil
}

// render tries all templates of a file with values made up, so that a mistake is found
// before anything starts.
func (c checker) render(f *File) error {
	for host := range 2 {
		e, i := f.End(host), min(host, len(f.Ends)-1)
		r := renderer{place: Place{Host: hosts[host], Peer: hosts[1-host], Address: example, PeerAddress: example, Underlay: example, PeerUnderlay: example}, check: true}
		name, err := r.text(e.Device.Name)
		switch {
		case err != nil:
			return c.errorf(at("ends", i, "device", "name"), "%v", err)
		case name == "" || len(name) > mostName || strings.ContainsAny(name, "/ \t\n%"):
			return c.errorf(at("ends", i, "device", "name"), "%q: a device's name has 1 to %d characters, and no slash, blank or %%", name, mostName)
		}
		for k, command := range f.Prepare {
			if _, err := r.list(command); err != nil {
				return c.errorf(at("prepare", k), "%v", err)
			}
		}
		for name, text := range e.Files {
			if _, err := r.text(text); err != nil {
				return c.errorf(at("ends", i, "files", name), "%v", err)
			}
		}
		if _, err := r.list(e.Command); err != nil {
			return c.errorf(at("ends", i, "command"), "%v", err)
		}
		if _, err := r.end(e); err != nil {
			return c.errorf(at("ends", i), "%v", err)
		}
	}
	return nil
}

// signals are those by which a program may be told to end.
var signals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "HUP": syscall.SIGHUP,
	"QUIT": syscall.SIGQUIT, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
}
