package vm

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"

	"github.com/cavaliergopher/cpio"
)

var (
	// requiredModules must load, otherwise the guest gives up.
	requiredModules = []string{"tun"}
	// optionalModules are loaded if the kernel has them.
	optionalModules = []string{"vhost_net", "veth", "bridge", "wireguard", "af_packet", "ipv6", "sch_fq_codel", "sch_fq", "sch_netem"}
)

// initramfs is the root file system of the guest.
type initramfs struct {
	executable string // path on the host
	job        guest.Job
	noModules  string   // advice for a kernel that was given without modules, or ""
	config     string   // path of the kernel's configuration on the host, or ""
	release    string   // uname -r
	modules    []module // in the order in which they are loaded
	notes      []string // what was left out, and why
}

type module struct {
	name     string
	optional bool
	ko       []byte
}

// newInitramfs collects what kernel k needs to run job by the program executable. The
// modules that are named take the place of the optional ones.
func newInitramfs(k *kernel.Kernel, executable string, job guest.Job, named []string) (*initramfs, error) {
	if err := CheckStatic(executable, k.Arch); err != nil {
		return nil, err
	}
	fs := &initramfs{executable: executable, job: job, config: k.Config, release: k.Release}
	if k.Modules == "" {
		fs.noModules = kernel.GiveModules
		return fs, nil
	}
	tree, err := kernel.ReadModules(k.Modules)
	if err != nil {
		return nil, err
	}
	required, optional := requiredModules, optionalModules
	if len(named) > 0 {
		required, optional = append(required[:len(required):len(required)], named...), nil
	}
	if err := fs.addModules(tree, required, optional); err != nil {
		return nil, fmt.Errorf("modules of kernel %s: %w", k.Release, err)
	}
	return fs, nil
}

// addModules reads the modules in the order in which they must be loaded. An
// optional module that cannot be read is noted and left out.
func (fs *initramfs) addModules(tree *kernel.ModuleTree, required, optional []string) error {
	seen := map[string]bool{}
	add := func(names []string, optional bool) error {
		var fresh []module
		for _, name := range names {
			if seen[name] {
				continue
			}
			ko, err := tree.Read(name)
			if err != nil {
				return err
			}
			fresh = append(fresh, module{name: name, optional: optional, ko: ko})
		}
		for _, m := range fresh {
			seen[m.name] = true
		}
		fs.modules = append(fs.modules, fresh...)
		return nil
	}
	names, err := tree.Order(required...)
	if err == nil {
		err = add(names, false)
	}
	if err != nil {
		return err
	}
	for _, wanted := range optional {
		if found, _ := tree.Has(wanted); !found {
			continue // many kernels lack some
		}
		names, err := tree.Order(wanted)
		if err == nil {
			err = add(names, true)
		}
		if err != nil {
			fs.notes = append(fs.notes, fmt.Sprintf("module %s is left out: %v", wanted, err))
		}
	}
	return nil
}

// epoch is the time of every file, so that the same inputs give the same archive.
var epoch = time.Unix(0, 0)

// write writes the archive in the format newc. It is not compressed: under
// emulation the guest takes longer to unpack than to copy.
func (fs *initramfs) write(w io.Writer) error {
	files := maps.Clone(fs.job.Files)
	if files == nil {
		files = map[string][]byte{}
	}
	job := guest.Config{Job: fs.job, NoModules: fs.noModules}
	for i, m := range fs.modules {
		files[path.Join(guest.ModulesDir, fmt.Sprintf("%03d-%s.ko", i, m.name))] = m.ko
		if m.optional {
			job.Optional = append(job.Optional, m.name)
		}
	}
	text, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	files[guest.JobPath] = text
	if fs.config != "" {
		if files["/boot/config-"+fs.release], err = os.ReadFile(fs.config); err != nil {
			return fmt.Errorf("read kernel config: %w", err)
		}
	}

	dirs := map[string]bool{"/dev": true, "/proc": true, "/sys": true, "/tmp": true, "/run": true, guest.OutDir: true}
	for name := range files {
		if !path.IsAbs(name) || path.Clean(name) != name || name == guest.InitPath {
			return fmt.Errorf("file %q cannot be in a guest", name)
		}
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			dirs[dir] = true
		}
	}

	archive := cpio.NewWriter(w)
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := archive.WriteHeader(&cpio.Header{Name: strings.TrimPrefix(dir, "/"), Mode: cpio.TypeDir | 0o755, Links: 2, ModTime: epoch}); err != nil {
			return fmt.Errorf("write folder %s: %w", dir, err)
		}
	}
	put := func(name string, mode cpio.FileMode, size int64, r io.Reader) error {
		h := &cpio.Header{Name: strings.TrimPrefix(name, "/"), Mode: cpio.TypeReg | mode, Links: 1, Size: size, ModTime: epoch}
		if err := archive.WriteHeader(h); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if _, err := io.CopyN(archive, r, size); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		return nil
	}
	executable, err := os.Open(fs.executable)
	if err != nil {
		return fmt.Errorf("open program of the guest: %w", err)
	}
	defer executable.Close()
	st, err := executable.Stat()
	if err != nil {
		return fmt.Errorf("program of the guest: %w", err)
	}
	if err := put(guest.InitPath, 0o755, st.Size(), executable); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := put(name, 0o644, int64(len(files[name])), strings.NewReader(string(files[name]))); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("end initramfs: %w", err)
	}
	return nil
}

// CheckStatic refuses a program of another architecture, and one that needs libraries,
// which a guest does not have.
func CheckStatic(executable, arch string) error {
	f, err := elf.Open(executable)
	if err != nil {
		return fmt.Errorf("program of the guest %s: %w", executable, err)
	}
	defer f.Close()
	if f.Machine != boards[arch].elf {
		return fmt.Errorf("program of the guest %s is for %v, the kernel for %s: name one for %[3]s with --guest-binary", executable, f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("this tunbench is linked dynamically, and a guest holds no libraries: build it with CGO_ENABLED=0 (make build)")
		}
	}
	return nil
}
