package netns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// CallError is a request that the kernel refused. Every error of this package
// that the kernel caused has one in its chain; errors.Is sees Err through it,
// so that ENOENT (a qdisc that this kernel lacks) or EINVAL (an MTU that this
// device cannot have) differ from an internal error.
type CallError struct {
	Call   string // the request, verb first, with its value: "set mtu 65535"
	Object string // the link: "tap0"
	Err    unix.Errno
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s on %s: %v (%s)", e.Call, e.Object, e.Err, unix.ErrnoName(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// refused wraps err as a CallError if its root is an errno, and with the same
// words if not.
func refused(err error, object, format string, args ...any) error {
	if err == nil {
		return nil
	}
	call := fmt.Sprintf(format, args...)
	var errno unix.Errno
	if errors.As(err, &errno) {
		return &CallError{Call: call, Object: object, Err: errno}
	}
	return fmt.Errorf("%s on %s: %w", call, object, err)
}
