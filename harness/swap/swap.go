// Package swap exchanges the TUN module of the running kernel for another build of it,
// and puts the original back.
package swap

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/module"
	"tunbench/harness/refusal"
)

// Repair is what a user does if the original module could not be put back.
const Repair = "rmmod tun; modprobe tun"

// here is the kernel of this host.
var here = &swapper{system: running, guard: startGuard}

// Use loads the module of that name, which module.Find knows, in place of the one that is
// loaded; module.AsIs stands for the original. The module is loaded afresh even if it is
// loaded already, so that each trial finds it in the same state. The original is left
// alone until another module has taken its place for the first time.
func Use(name string) error { return here.use(name) }

// Ready returns why a module that the command line names cannot be loaded now, nil if
// nothing speaks against any of them. Nothing is changed.
func Ready() error { return here.ready(module.All()) }

// Restore puts the original module back, if another has taken its place. It is called at
// the end of the process.
func Restore() error { return here.restore() }

// swapper exchanges the module of one kernel.
type swapper struct {
	system
	guard func([]file) (watcher, error) // starts what restores the originals if this process dies

	mu       sync.Mutex // guards what follows, and the modules of the kernel
	original []file     // TUN and the modules that use it, each after those that it uses; nil: nothing was exchanged yet
	watcher  watcher
}

// watcher restores the original modules if this process dies before end was called.
type watcher interface{ end() error }

func (s *swapper) use(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name == module.AsIs {
		if s.original == nil {
			return nil
		}
		return s.exchange(s.original[0])
	}
	m, err := module.Find(name)
	if err != nil {
		return err
	}
	if err := s.begin(m); err != nil {
		return fmt.Errorf("load module=%s: %w", name, err)
	}
	if err := s.exchange(file{m.Name, m.Image, m.Parameters}); err != nil {
		return fmt.Errorf("load module=%s: %w", name, err)
	}
	return nil
}

func (s *swapper) ready(modules []*module.Module) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range modules {
		if _, err := s.find(m); err != nil {
			return fmt.Errorf("load module=%s: %w", m.Name, err)
		}
	}
	return nil
}

func (s *swapper) restore() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.original == nil {
		return nil
	}
	if err := s.exchange(s.original[0]); err != nil {
		// The watcher tries for longer, since what is in the way may be this process.
		s.original = nil
		return fmt.Errorf("put the original TUN module back: %w; if it is not loaded in half a minute: %s", err, Repair)
	}
	s.original = nil
	return s.watcher.end()
}

// begin makes sure, before the first exchange, that m can be loaded and that the original
// can be put back, whatever happens to this process.
func (s *swapper) begin(m *module.Module) error {
	if s.original != nil {
		return s.fits(m)
	}
	original, err := s.find(m)
	if err != nil {
		return err
	}
	if s.watcher, err = s.guard(original); err != nil {
		return fmt.Errorf("start what puts the original module back if tunbench is killed: %w", err)
	}
	s.original = original
	return nil
}

// find returns the original modules, and an error where m cannot take the place of TUN:
// because TUN is no module or is in use, m is for another kernel, or the original could
// not be put back.
func (s *swapper) find(m *module.Module) ([]file, error) {
	loaded, err := s.loadedTUN()
	if err != nil {
		return nil, err
	}
	if err := s.fits(m); err != nil {
		return nil, err
	}
	original, err := originals(s.root, s.release(), loaded)
	if err != nil {
		return nil, err
	}
	return original, s.idle()
}

// fits returns an error if m is for another kernel.
func (s *swapper) fits(m *module.Module) error {
	if is := s.release(); m.Release() != is {
		return &refusal.Missing{Detail: fmt.Sprintf("%s is for kernel %s, and this is %s: build it for this kernel, with its configuration and compiler", m.Path, m.Release(), is)}
	}
	return nil
}

// exchange unloads TUN and the modules that use it, and loads build in its place, and
// those that use it again. If build cannot be loaded, the original is.
func (s *swapper) exchange(build file) error {
	unloaded, err := s.unloadTUN()
	if err != nil {
		return err
	}
	bpf.ForgetModules()
	if err := s.loadTUN(build, unloaded); err != nil {
		if _, unloadErr := s.unloadTUN(); unloadErr != nil {
			return errors.Join(err, unloadErr)
		}
		return errors.Join(err, s.loadTUN(s.original[0], s.usersOf()))
	}
	return nil
}

// usersOf names the original modules that use TUN.
func (s *swapper) usersOf() (names []string) {
	for _, f := range s.original[1:] {
		names = append(names, f.Name)
	}
	return names
}

// unloadTUN unloads TUN and the modules that use it, and returns the names of these. If
// something uses TUN, what was unloaded is loaded again.
func (s *swapper) unloadTUN() (users []string, err error) {
	all, err := s.modules()
	if err != nil {
		return nil, err
	}
	if _, ok := all[module.TUN]; !ok {
		return s.usersOf(), nil
	}
	order := unloading(all)
	for i, name := range order {
		if err := s.unload(name); err != nil {
			for _, f := range s.original {
				if slices.Contains(order[:i], f.Name) {
					err = errors.Join(err, s.load(f))
				}
			}
			return nil, err
		}
	}
	return order[:len(order)-1], nil
}

// unload unloads one module. It waits for a while if that is in use.
func (s *swapper) unload(name string) error {
	for end := time.Now().Add(s.patience); ; time.Sleep(retry) {
		err := s.remove(name)
		switch {
		case err == nil, errors.Is(err, unix.ENOENT):
			return nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EBUSY):
			if time.Now().After(end) {
				return inUse(s.holders())
			}
		case errors.Is(err, unix.EPERM):
			return fmt.Errorf("unload %s: %w: it needs CAP_SYS_MODULE, and a kernel that permits it (sysctl kernel.modules_disabled)", name, err)
		case errors.Is(err, unix.ENOSYS):
			return &refusal.Unsupported{Detail: "this kernel cannot unload modules (CONFIG_MODULE_UNLOAD is not set)"}
		default:
			return fmt.Errorf("unload %s: %w (%s)", name, err, unix.ErrnoName(errno(err)))
		}
	}
}

// loadTUN loads a build of TUN, and then the modules that use it.
func (s *swapper) loadTUN(build file, users []string) error {
	if err := s.load(build); err != nil {
		return err
	}
	for _, f := range s.original[1:] {
		if !slices.Contains(users, f.Name) {
			continue
		}
		if err := s.load(f); err != nil {
			return fmt.Errorf("%w; unload it before (modprobe -r %s) if nothing that is measured needs it", err, f.Name)
		}
	}
	return nil
}

// load loads a module, and explains why the kernel refused it.
func (s *swapper) load(f file) error {
	err := s.insert(f.Image, f.Parameters)
	advice := ""
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EEXIST):
		advice = "something else loaded TUN meanwhile, such as a program that opened /dev/net/tun: end it"
	case errors.Is(err, unix.ENOEXEC):
		advice = "it was built with another configuration or compiler than this kernel"
	case errors.Is(err, unix.ENOENT):
		advice = "it uses a symbol that this kernel, or a module that is loaded, does not have, or it does not know one of its parameters"
	case errors.Is(err, unix.EKEYREJECTED), errors.Is(err, unix.ENOKEY), errors.Is(err, unix.EPERM):
		advice = "this kernel loads signed modules only (module.sig_enforce, or lockdown of secure boot): sign it, or switch that off"
	case errors.Is(err, unix.EINVAL):
		advice = "it is damaged, or does not take its parameters " + f.Parameters
	}
	if advice == "" {
		return fmt.Errorf("load %s: %w (%s)", f.Name, err, unix.ErrnoName(errno(err)))
	}
	return fmt.Errorf("load %s: %w (%s): %s; dmesg may tell more", f.Name, err, unix.ErrnoName(errno(err)), advice)
}
