package harness

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/stream"
	"tunbench/harness/traffic"
	"tunbench/harness/tuntap"
	"tunbench/harness/uring"
	"tunbench/harness/vhost"
	"tunbench/reports/record"
)

// UnsupportedError is a Spec that this kernel, or the chosen hook, cannot do.
type UnsupportedError struct{ Detail string }

func (e *UnsupportedError) Error() string { return e.Detail }

// MissingError is a Spec for which this host lacks something that it could have.
type MissingError struct{ Detail string }

func (e *MissingError) Error() string { return e.Detail }

// ObserverError is a device that cannot be observed as it was asked for. What
// stands in the way of the observer is not in the way of a bare trial.
type ObserverError struct{ Err error }

func (e *ObserverError) Error() string { return e.Err.Error() }

func (e *ObserverError) Unwrap() error { return e.Err }

// Classify tells why a scenario could not be measured: a reason of record.Skip
// and a sentence.
func Classify(err error) (reason, detail string) {
	return classify(err), err.Error()
}

func classify(err error) string {
	var (
		unsupported *UnsupportedError
		missing     *MissingError
		option      *tuntap.OptionError
		ring        *uring.CallError
		hook        *bpf.HookError
	)
	switch {
	case errors.As(err, &ring) && ring.Unsupported(): // EPERM included, with which root is refused, too
		return record.Unsupported
	case errors.As(err, &unsupported):
		return record.Unsupported
	case errors.As(err, &missing):
		return record.Missing
	case errors.As(err, &hook) && !hook.Unprivileged() && !exhausted(err): // EPERM included, with which a kernel that is locked down refuses root, too
		return record.Unsupported
	case errors.Is(err, os.ErrPermission):
		return record.Unprivileged
	case errors.As(err, &option) && option.Unsupported():
		return record.Unsupported
	case refused(err):
		return record.Unsupported
	case errors.Is(err, fs.ErrNotExist), exhausted(err):
		return record.Missing
	}
	return record.Failed
}

// exhausted tells whether there are no descriptors left.
func exhausted(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// refused tells whether err is a call that the kernel refused in a way that says
// it cannot do it, whichever package made the call.
func refused(err error) bool {
	for _, cause := range []error{
		beneath[*bpf.CallError](err),
		beneath[*netns.CallError](err),
		beneath[*sink.CallError](err),
		beneath[*stream.CallError](err),
		beneath[*traffic.CallError](err),
		beneath[*vhost.CallError](err),
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
		unix.EIO, // UDP_SEGMENT without checksum offload, before Linux 6.11 (commit 10154dbded6d)
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
