package kernel

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// moduleLimit bounds a module, in bytes unpacked. The largest ones, with debugging
// symbols, have about 50 MB.
const moduleLimit = 256 << 20

// errNoModule reports a module that the kernel has neither as a file nor built in.
var errNoModule = errors.New("no such module")

// ModuleTree is the modules of a kernel: an installed lib/modules/RELEASE, or a build
// tree.
type ModuleTree struct {
	root    string
	files   map[string]string   // name -> path below root, as it is on the disk
	deps    map[string][]string // by name, from modules.dep; nil: modinfo of each file has them
	builtin map[string]bool
}

// ReadModules reads the indexes in root: modules.dep where depmod has run,
// otherwise modules.order, and modules.builtin.
func ReadModules(root string) (*ModuleTree, error) {
	t := &ModuleTree{root: root, files: map[string]string{}, builtin: map[string]bool{}}
	fail := func(err error) (*ModuleTree, error) { return nil, fmt.Errorf("read modules of %s: %w", root, err) }

	err := eachLine(filepath.Join(root, "modules.builtin"), func(line string) error {
		t.builtin[moduleName(line)] = true
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}

	err = eachLine(filepath.Join(root, "modules.dep"), func(line string) error {
		path, deps, ok := strings.Cut(line, ":")
		if !ok {
			return fmt.Errorf("modules.dep: no colon in %q", line)
		}
		if t.deps == nil {
			t.deps = map[string][]string{}
		}
		name := moduleName(path)
		t.files[name] = path
		for _, d := range strings.Fields(deps) {
			t.deps[name] = append(t.deps[name], moduleName(d))
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fail(err)
	case t.deps != nil:
		return t, nil
	}

	err = eachLine(filepath.Join(root, "modules.order"), func(line string) error {
		// Since Linux 6.3 (f65a486821cf) modules.order names objects, not modules.
		t.files[moduleName(line)] = strings.TrimSuffix(line, filepath.Ext(line)) + ".ko"
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if len(t.files) == 0 && len(t.builtin) == 0 {
		return fail(errors.New("found none of modules.dep, modules.order, modules.builtin"))
	}
	return t, nil
}

// eachLine calls do for each line of a file, but not for empty ones.
func eachLine(path string, do func(string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if line := strings.TrimSpace(s.Text()); line != "" {
			if err := do(line); err != nil {
				return err
			}
		}
	}
	return s.Err()
}

// moduleName returns the kernel's name of the module in the file path.
func moduleName(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// Has reports whether the kernel has the module, and whether it is built in.
func (t *ModuleTree) Has(name string) (found, builtin bool) {
	name = strings.ReplaceAll(name, "-", "_")
	if t.builtin[name] {
		return true, true
	}
	_, found = t.files[name]
	return found, false
}

// Order returns the wanted modules and their dependencies, each behind those that it
// needs. Modules that are built in are left out.
func (t *ModuleTree) Order(wanted ...string) ([]string, error) {
	var (
		ordered []string
		done    = map[string]bool{}
		path    []string // from a wanted module to the one being visited
		visit   func(string) error
	)
	visit = func(name string) error {
		name = strings.ReplaceAll(name, "-", "_")
		if done[name] || t.builtin[name] {
			return nil
		}
		for i, p := range path {
			if p == name {
				return fmt.Errorf("modules need each other: %s", strings.Join(append(path[i:], name), " -> "))
			}
		}
		if _, ok := t.files[name]; !ok {
			if len(path) > 0 {
				return fmt.Errorf("%s, which %s needs: %w", name, path[len(path)-1], errNoModule)
			}
			return fmt.Errorf("%s: %w", name, errNoModule)
		}
		deps, err := t.needs(name)
		if err != nil {
			return err
		}
		path = append(path, name)
		for _, d := range deps {
			if err := visit(d); err != nil {
				return err
			}
		}
		path = path[:len(path)-1]
		done[name] = true
		ordered = append(ordered, name)
		return nil
	}
	for _, name := range wanted {
		if err := visit(name); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// needs returns the modules that name depends on directly; from modules.dep, also
// those that it depends on indirectly.
func (t *ModuleTree) needs(name string) ([]string, error) {
	if t.deps != nil {
		return t.deps[name], nil
	}
	ko, err := t.Read(name)
	if err != nil {
		return nil, err
	}
	info, err := Modinfo(ko)
	if err != nil {
		return nil, fmt.Errorf("read modinfo of module %s: %w", name, err)
	}
	if list := info["depends"]; list != "" {
		return strings.Split(list, ","), nil
	}
	return nil, nil
}

// Read returns the module as the kernel loads it, decompressed.
func (t *ModuleTree) Read(name string) ([]byte, error) {
	path, ok := t.files[strings.ReplaceAll(name, "-", "_")]
	if !ok {
		return nil, fmt.Errorf("%s: %w", name, errNoModule)
	}
	// modules.order has the suffix .ko also for a module that was compressed when it
	// was installed.
	plain := path
	for _, c := range compressions[1:] {
		plain = strings.TrimSuffix(plain, c.suffix)
	}
	for _, c := range compressions {
		full := filepath.Join(t.root, plain+c.suffix)
		f, err := os.Open(full)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open module %s: %w", name, err)
		}
		defer f.Close()
		r, err := c.open(f)
		if err != nil {
			return nil, fmt.Errorf("unpack module %s: %w", full, err)
		}
		defer r.Close()
		ko, err := io.ReadAll(io.LimitReader(r, moduleLimit))
		if err != nil {
			return nil, fmt.Errorf("unpack module %s: %w", full, err)
		}
		return ko, nil
	}
	return nil, fmt.Errorf("module %s is listed, but %s is not there in any form: add the package that it is in", name, filepath.Join(t.root, plain))
}
