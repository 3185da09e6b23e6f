package swap

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tunbench/harness/refusal"
	"tunbench/harness/vm/kernel"
)

// file is a module as it can be loaded.
type file struct {
	Name       string
	Image      []byte
	Parameters string
}

// originals reads the files of TUN and of the modules that use it, each after those that
// it uses, below root, where the kernel has that release. It is an error if one of these is not what is loaded: then it could not be put
// back.
func originals(root, release string, all map[string]loaded) (list []file, err error) {
	var tree *kernel.ModuleTree
	var treeErr error
	folder := ""
	for _, lib := range []string{"lib/modules", "usr/lib/modules"} {
		folder = filepath.Join(root, lib, release)
		if tree, treeErr = kernel.ReadModules(folder); treeErr == nil {
			break
		}
	}
	if treeErr != nil {
		return nil, &refusal.Missing{Detail: fmt.Sprintf("the module that is loaded could not be put back: %v; install the modules of this kernel there", treeErr)}
	}
	order := unloading(all)
	slices.Reverse(order)
	for _, name := range order {
		image, err := tree.Read(name)
		if err != nil {
			return nil, &refusal.Missing{Detail: fmt.Sprintf("the module that is loaded could not be put back: %v", err)}
		}
		if err := isLoaded(root, name, image); err != nil {
			return nil, &refusal.Missing{Detail: fmt.Sprintf("the module that is loaded could not be put back: %s in %s %v; load that one before: rmmod %[1]s; modprobe %[1]s", name, folder, err)}
		}
		list = append(list, file{name, image, parameters(root, name)})
	}
	return list, nil
}

// isLoaded returns an error unless image is the module that is loaded under that name, by
// its build ID, and else by the hash of its sources.
func isLoaded(root, name string, image []byte) error {
	of := filepath.Join(root, "sys/module", name)
	if note, err := os.ReadFile(filepath.Join(of, "notes/.note.gnu.build-id")); err == nil {
		if is, has := kernel.NoteID(note), kernel.BuildID(image); is != has {
			return fmt.Errorf("is another build: its build ID is %s, that of the loaded one %s", cmp.Or(has, "not there"), is)
		}
		return nil
	}
	info, err := kernel.Modinfo(image)
	if err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	is, err := os.ReadFile(filepath.Join(of, "srcversion"))
	if err != nil {
		return fmt.Errorf("may be another build: the loaded one has neither a build ID nor a srcversion in %s", of)
	}
	if is, has := strings.TrimSpace(string(is)), info["srcversion"]; is != has {
		return fmt.Errorf("is another build: its srcversion is %s, that of the loaded one %s", cmp.Or(has, "not there"), is)
	}
	return nil
}

// parameters are those of a loaded module, as insmod(8) takes them.
func parameters(root, name string) string {
	files, _ := filepath.Glob(filepath.Join(root, "sys/module", name, "parameters/*"))
	var list []string
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // it can only be written
		}
		value := strings.TrimSuffix(string(b), "\n")
		if strings.ContainsAny(value, " \t") {
			value = `"` + value + `"`
		}
		list = append(list, filepath.Base(path)+"="+value)
	}
	return strings.Join(list, " ")
}
