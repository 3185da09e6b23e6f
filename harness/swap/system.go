package swap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/module"
	"tunbench/harness/refusal"
)

const (
	// patience is how long a module may stay in use when what used it has been closed: the
	// kernel frees devices and BPF programs a while later.
	patience = 3 * time.Second
	// retry is the time between two attempts.
	retry = 20 * time.Millisecond
)

// system is what is needed of a kernel.
type system struct {
	root     string // of the folders proc, sys, dev and lib
	patience time.Duration
	insert   func(image []byte, parameters string) error // init_module(2)
	remove   func(name string) error                     // delete_module(2) with O_NONBLOCK
	holders  func() []string                             // who uses TUN, one text for each
}

// running is the kernel of this host.
var running = system{
	root: "/", patience: patience, holders: holders,
	insert: func(image []byte, parameters string) error { return unix.InitModule(image, parameters) },
	remove: func(name string) error { return unix.DeleteModule(name, unix.O_NONBLOCK) },
}

// loaded is a module that is loaded.
type loaded struct {
	refs  int      // by other modules, descriptors, and more
	users []string // modules that use it
}

// release is what uname -r prints.
func (s *system) release() string {
	b, _ := os.ReadFile(filepath.Join(s.root, "proc/sys/kernel/osrelease"))
	return strings.TrimSpace(string(b))
}

// modules lists what is loaded, by name.
func (s *system) modules() (map[string]loaded, error) {
	text, err := os.ReadFile(filepath.Join(s.root, "proc/modules"))
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	all := map[string]loaded{}
	for line := range strings.Lines(string(text)) {
		// name, size, references, modules that use it, state, address
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		m := loaded{}
		if m.refs, err = strconv.Atoi(fields[2]); err != nil {
			// CONFIG_MODULE_UNLOAD is not set: "-"
			return nil, &refusal.Unsupported{Detail: "this kernel cannot unload modules (CONFIG_MODULE_UNLOAD is not set)"}
		}
		for user := range strings.SplitSeq(fields[3], ",") {
			if user != "" && user != "-" {
				m.users = append(m.users, user)
			}
		}
		all[fields[0]] = m
	}
	return all, nil
}

// loadedTUN lists what is loaded, with TUN among it. It is a refusal.Unsupported if TUN is
// built into the kernel.
func (s *system) loadedTUN() (map[string]loaded, error) {
	const instead = "compare whole kernels instead: tunbench kernels --kernel BEFORE --kernel AFTER"
	all, err := s.modules()
	switch _, ok := all[module.TUN]; {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &refusal.Unsupported{Detail: "this kernel has no modules (there is no /proc/modules), so TUN is built into it and cannot be exchanged; " + instead}
	case err != nil || ok:
		return all, err
	}
	// To open the device loads the module, if it is one.
	device := filepath.Join(s.root, "dev/net/tun")
	f, openErr := os.OpenFile(device, os.O_RDWR|unix.O_CLOEXEC, 0)
	if openErr == nil {
		openErr = f.Close()
	}
	if all, err = s.modules(); err != nil {
		return nil, err
	}
	if _, ok := all[module.TUN]; ok {
		return all, nil
	}
	if openErr != nil {
		return nil, &refusal.Missing{Detail: fmt.Sprintf("TUN is not loaded: modprobe tun: %v", openErr)}
	}
	return nil, &refusal.Unsupported{Detail: "TUN is built into this kernel and cannot be exchanged: /dev/net/tun can be opened, and /proc/modules does not list tun; boot a kernel with CONFIG_TUN=m, or " + instead}
}

// idle is an error that names who uses TUN, nil if nobody does. What this process has just
// closed, and the kernel is still freeing, is waited for.
func (s *system) idle() error {
	for end := time.Now().Add(s.patience); ; time.Sleep(retry) {
		all, err := s.modules()
		if err != nil {
			return err
		}
		held := false
		for _, name := range unloading(all) {
			held = held || all[name].refs > len(all[name].users)
		}
		if !held {
			return nil
		}
		if who := s.holders(); len(who) > 0 || time.Now().After(end) {
			return inUse(who)
		}
	}
}

// inUse is the error on a module that is in use.
func inUse(who []string) error {
	if len(who) == 0 {
		who = []string{"something that /proc does not show, such as a device of a namespace that is being removed"}
	}
	const most = 8
	if len(who) > most {
		who = append(who[:most], fmt.Sprintf("%d more", len(who)-most))
	}
	return &refusal.Missing{Detail: fmt.Sprintf("TUN is in use, and while it is the module cannot be exchanged: %s; end what uses it, or measure on another host", strings.Join(who, "; "))}
}

// unloading is TUN and the modules that use it, in the order in which they can be
// unloaded.
func unloading(all map[string]loaded) (order []string) {
	var visit func(name string)
	visit = func(name string) {
		if slices.Contains(order, name) {
			return
		}
		for _, user := range all[name].users {
			visit(user)
		}
		order = append(order, name)
	}
	visit(module.TUN)
	return order
}

func errno(err error) syscall.Errno {
	var e syscall.Errno
	errors.As(err, &e)
	return e
}
