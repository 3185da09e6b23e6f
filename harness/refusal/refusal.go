// Package refusal explains what a kernel or a host refused: whether it cannot do
// it, lacks something, or lacks a privilege, and what to do about it.
package refusal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"tunbench/bpf"
	"tunbench/harness/call"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
	"tunbench/harness/uring"
	"tunbench/reports/record"
)

// Unsupported is what this kernel, or the chosen hook, cannot do.
type Unsupported struct{ Detail string }

func (e *Unsupported) Error() string { return e.Detail }

// Missing is what this host lacks but could have.
type Missing struct{ Detail string }

func (e *Missing) Error() string { return e.Detail }

// Unobservable is a device that cannot be observed in the way that was asked for.
// A bare trial on it may succeed.
type Unobservable struct{ Err error }

func (e *Unobservable) Error() string { return e.Err.Error() }

func (e *Unobservable) Unwrap() error { return e.Err }

// Classify returns why a scenario could not be measured: a reason of record.Skip,
// and a sentence that ends with what to do, where that is known.
func Classify(err error) (reason, detail string) {
	if errors.Is(err, tuntap.ErrNoTUN) && lacksOption("CONFIG_TUN") {
		return record.Unsupported, "this kernel was built without TUN/TAP devices (CONFIG_TUN is not set); boot one that has them"
	}
	if detail := ofSegments(err); detail != "" {
		return record.Unsupported, detail
	}
	detail = err.Error()
	if cause, turnedOff := because(hostRoot, err); turnedOff {
		return record.Unsupported, detail + "; " + cause
	}
	if remedy := remedyOf(err); remedy != "" {
		detail += "; " + remedy
	}
	return classify(err), detail
}

// remedyOf is what to do about an errno that stands for a limit of this process or
// of the host, whichever call it came from; "" if nothing is known.
func remedyOf(err error) string {
	switch {
	case errors.Is(err, unix.EMFILE):
		limit := "as many descriptors as its limit says"
		var l unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
			limit = fmt.Sprintf("%d descriptors", l.Cur)
		}
		return fmt.Sprintf("each flow and each queue takes a descriptor, and this process may have %s: raise the limit (ulimit -n), or use fewer flows or queues", limit)
	case errors.Is(err, unix.ENFILE):
		return "the whole host has as many descriptors open as sysctl fs.file-max allows: raise it, or use fewer flows or queues"
	case errors.Is(err, unix.ENOMEM), errors.Is(err, unix.ENOBUFS):
		return "the kernel has no memory for it: use fewer queues or flows, or a smaller txqlen or size"
	}
	return ""
}

// KernelConfig is the configuration of the running kernel, as far as it bears on
// devices; empty where it cannot be read.
func KernelConfig() map[string]string { return kernelConfig() }

var kernelConfig = sync.OnceValue(func() map[string]string { return host.Read().Config })

// lacksOption reports whether the kernel's configuration says that it was built
// without an option, so that no module can be loaded for it. False also where the
// configuration cannot be read.
func lacksOption(option string) bool { return kernelConfig()[option] == "n" }

func classify(err error) string {
	var (
		unsupported *Unsupported
		missing     *Missing
		option      *tuntap.OptionError
		ring        *uring.CallError
		hook        *bpf.HookError
	)
	switch {
	case errors.As(err, &ring) && ring.Unsupported(): // also if root gets EPERM
		return record.Unsupported
	case errors.As(err, &unsupported):
		return record.Unsupported
	case errors.As(err, &missing):
		return record.Missing
	case errors.As(err, &hook) && !hook.Unprivileged() && !exhausted(err): // also if root gets EPERM, as in a kernel that is locked down
		return record.Unsupported
	case errors.Is(err, os.ErrPermission) && !(errors.Is(err, unix.EPERM) && allPrivileges()):
		return record.Unprivileged
	case errors.Is(err, unix.EPERM): // to whom no privilege is missing
		return record.Unsupported
	case errors.As(err, &option) && option.Unsupported():
		return record.Unsupported
	case refused(err):
		return record.Unsupported
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, tuntap.ErrNotTUN), remedyOf(err) != "",
		errors.Is(err, unix.ENOSPC): // of a namespace: user.max_net_namespaces
		return record.Missing
	}
	return record.Failed
}

// allPrivileges reports whether this process is root in full, so that a refusal
// with EPERM has another cause: the kernel uses that errno for what it failed at,
// too. Capabilities in a user namespace are not those of the host.
var allPrivileges = func() bool { return len(host.Capabilities()) == 0 && host.InitialUserNamespace() }

// exhausted reports whether there are no descriptors left.
func exhausted(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// refused reports whether err is a system call that the kernel refused because it
// cannot do what was asked, whichever package made the call.
func refused(err error) bool {
	for _, cause := range []error{
		beneath[*bpf.CallError](err),
		beneath[*netns.CallError](err),
		beneath[*call.Error](err),
	} {
		if cause != nil && refusedByKernel(cause) {
			return true
		}
	}
	return false
}

// beneath is what the error of type E in err's chain wraps, nil if there is none.
func beneath[E error](err error) error {
	var call E
	if !errors.As(err, &call) {
		return nil
	}
	return errors.Unwrap(call)
}

// refusedByKernel are the errnos by which a kernel says that it does not know
// a thing or cannot do it, as opposed to having failed at it.
func refusedByKernel(err error) bool {
	for _, errno := range []unix.Errno{
		unix.EINVAL, unix.ENOENT, unix.EOPNOTSUPP, unix.ENOPROTOOPT, unix.ENOSYS, unix.ERANGE,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
