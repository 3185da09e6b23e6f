package kernels

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// Read reads the run files below dir. Runs that were not completed and files that
// cannot be read are left out and returned by name.
func Read(dir string) (kernels []verdict.KernelBoots, unfinished []string, unreadable []error, err error) {
	index, err := readIndex(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, name := range index.Kernels {
		k := verdict.KernelBoots{Name: name, Boots: make([][]*record.File, index.Boots)}
		for boot := range k.Boots {
			for _, what := range runFolders() {
				path := filepath.Join(bootDir(dir, name, boot+1), what, record.FileName)
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					continue
				}
				f, err := record.ReadFile(path)
				if err != nil {
					unreadable = append(unreadable, err)
					continue
				}
				if f.End == nil {
					unfinished = append(unfinished, path+" was interrupted after "+record.Plural(len(f.Trials), "trial", "trials"))
					continue
				}
				k.Boots[boot] = append(k.Boots[boot], f)
			}
		}
		kernels = append(kernels, k)
	}
	return kernels, unfinished, unreadable, nil
}
