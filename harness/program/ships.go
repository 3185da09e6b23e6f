package program

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed programs/*.yaml
var embedded embed.FS

// None is the value of the axis program that stands for none.
const None = "none"

// ships are the programs that ship with tunbench, in the order of their names.
var ships = sync.OnceValue(func() (list []*File) {
	entries, err := fs.ReadDir(embedded, "programs")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	for _, e := range entries {
		text, err := embedded.ReadFile(path.Join("programs", e.Name()))
		if err != nil {
			panic(err)
		}
		f, err := Parse(e.Name(), text)
		if err != nil {
			panic(err) // a test parses all
		}
		list = append(list, f)
	}
	return list
})

// added are the programs of files that the command line names; mu guards the list.
var added struct {
	mu   sync.Mutex
	list []*File
}

// Add makes the program of a file known to Find for the rest of the process. Adding a
// file again that has not changed its name does nothing.
func Add(f *File) error {
	added.mu.Lock()
	defer added.mu.Unlock()
	for i, other := range added.list {
		if other.Name != f.Name {
			continue
		}
		if other.Path == f.Path {
			added.list[i] = f
			return nil
		}
		return fmt.Errorf("%s: name: %s is that of %s, too: give each program a name of its own", f.Path, f.Name, other.Path)
	}
	for _, other := range ships() {
		if other.Name == f.Name {
			return fmt.Errorf("%s: name: %s is that of a program that ships with tunbench: choose another, such as my-%[2]s", f.Path, f.Name)
		}
	}
	added.list = append(added.list, f)
	return nil
}

// Flag is a flag of a command line that names a program file, and may be given again: each
// file is read, and its program made known. It is a pflag.SliceValue.
type Flag struct{ files []string }

// Set reads the file.
func (f *Flag) Set(file string) error { return f.Append(file) }

// Append reads the file.
func (f *Flag) Append(file string) error {
	read, err := Load(file)
	if err != nil {
		return err
	}
	f.files = append(f.files, file)
	return Add(read)
}

// Replace reads the files.
func (f *Flag) Replace(files []string) error {
	f.files = nil
	for _, file := range files {
		if err := f.Append(file); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice lists the files.
func (f *Flag) GetSlice() []string { return f.files }

func (f *Flag) String() string { return strings.Join(f.files, ",") }

// Type is what help shows for the value.
func (f *Flag) Type() string { return "FILE.yaml" }

// Find returns the program of that name. The error names all there are.
func Find(name string) (*File, error) {
	added.mu.Lock()
	all := slices.Concat(added.list, ships())
	added.mu.Unlock()
	var names []string
	for _, f := range all {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return nil, fmt.Errorf("program=%s: no such program: choose %s, or give its file: --program FILE.yaml", name, strings.Join(names, ", "))
}

// Names lists the programs that ship with tunbench.
func Names() (names []string) {
	for _, f := range ships() {
		names = append(names, f.Name)
	}
	return names
}
