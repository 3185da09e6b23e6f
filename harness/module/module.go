// Package module reads builds of the kernel's TUN module, which a command line names so
// that scenarios can choose among them.
package module

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tunbench/harness/vm/kernel"
)

const (
	// AsIs is the value of the axis module that stands for the module of the host.
	AsIs = "as-is"
	// TUN is the name that the kernel gives the module.
	TUN = "tun"
)

// nameRule is that of the values of the axis module.
var nameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,39}$`)

// Module is a build of TUN.
type Module struct {
	Name       string // the value of the axis module
	Path       string // of its file, absolute
	Parameters string // as insmod(8) takes them: "name=value name=value"; "" is none
	Image      []byte // as the kernel loads it
	SHA256     string // of Image, in hexadecimal
	Vermagic   string // the kernel that it is for, and options of that kernel
	SrcVersion string // a hash of its sources; "" if it has none
}

// Release is the release of the kernel that m is for, as uname -r prints it.
func (m *Module) Release() string {
	release, _, _ := strings.Cut(m.Vermagic, " ")
	return release
}

// Parse reads the module that text names: NAME=FILE.ko, after which may come parameters
// of the module, separated by spaces. Whether this kernel takes the module is not asked:
// the command line may be for another one.
func Parse(text string) (*Module, error) {
	name, rest, ok := strings.Cut(text, "=")
	path, parameters, _ := strings.Cut(rest, " ")
	switch {
	case !ok || path == "":
		return nil, fmt.Errorf("%q does not name a module and its file: write NAME=FILE.ko, or 'NAME=FILE.ko PARAMETER=VALUE'", text)
	case name == AsIs:
		return nil, fmt.Errorf("%s is the name of the module that the host has: choose another, such as new", AsIs)
	case !nameRule.MatchString(name):
		return nil, fmt.Errorf("%q is no name for a module: use up to 40 lower-case letters, digits, and _ . - after the first of them", name)
	}
	m := &Module{Name: name, Parameters: strings.Join(strings.Fields(parameters), " ")}
	var err error
	if m.Path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("find module file %s: %w", path, err)
	}
	if m.Image, err = kernel.ReadModuleFile(path); err != nil {
		return nil, fmt.Errorf("read module file: %w", err)
	}
	info, err := kernel.Modinfo(m.Image)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is no kernel module: %w", path, err)
	case info["name"] != TUN:
		return nil, fmt.Errorf("%s is the module %q: give a build of tun.ko", path, info["name"])
	case info["vermagic"] == "":
		return nil, fmt.Errorf("%s does not say which kernel it is for (vermagic): give a tun.ko that modpost has completed, not an object file", path)
	}
	sum := sha256.Sum256(m.Image)
	m.SHA256, m.Vermagic, m.SrcVersion = hex.EncodeToString(sum[:]), info["vermagic"], info["srcversion"]
	return m, nil
}

// added are the modules that the command line names; mu guards the list.
var added struct {
	mu   sync.Mutex
	list []*Module
}

// Add makes m known to Find for the rest of the process. To add the same again does
// nothing.
func Add(m *Module) error {
	added.mu.Lock()
	defer added.mu.Unlock()
	for _, other := range added.list {
		if other.Name != m.Name {
			continue
		}
		if other.SHA256 == m.SHA256 && other.Parameters == m.Parameters {
			return nil
		}
		return fmt.Errorf("%s is the name of %s, too: give each module a name of its own", m.Name, other.Path)
	}
	added.list = append(added.list, m)
	return nil
}

// Find returns the module of that name. The error names all there are.
func Find(name string) (*Module, error) {
	added.mu.Lock()
	defer added.mu.Unlock()
	names := []string{AsIs}
	for _, m := range added.list {
		if m.Name == name {
			return m, nil
		}
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("module=%s: no such module: choose %s, or give its file: --module %s=FILE.ko", name, strings.Join(names, ", "), name)
}

// All returns the modules that were added, in that order.
func All() []*Module {
	added.mu.Lock()
	defer added.mu.Unlock()
	return slices.Clone(added.list)
}

// Forget removes all modules that were added. Tests use it.
func Forget() {
	added.mu.Lock()
	defer added.mu.Unlock()
	added.list = nil
}

// Flag is a flag of a command line that names a module, and may be given again. It is a
// pflag.SliceValue.
type Flag struct{ texts []string }

// Set reads the module.
func (f *Flag) Set(text string) error { return f.Append(text) }

// Append reads the module.
func (f *Flag) Append(text string) error {
	m, err := Parse(text)
	if err != nil {
		return err
	}
	f.texts = append(f.texts, text)
	return Add(m)
}

// Replace reads the modules.
func (f *Flag) Replace(texts []string) error {
	f.texts = nil
	var errs []error
	for _, text := range texts {
		errs = append(errs, f.Append(text))
	}
	return errors.Join(errs...)
}

// GetSlice lists what the flag was given.
func (f *Flag) GetSlice() []string { return f.texts }

func (f *Flag) String() string { return strings.Join(f.texts, ",") }

// Type is what help shows for the value.
func (f *Flag) Type() string { return "NAME=FILE.ko" }
