package netns

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// CallError is a request that the kernel refused. errors.As finds it in every
// error of Configure, Counters and Device that the kernel caused; errors.Is
// sees Err through it, so that ENOENT (a qdisc that this kernel lacks) or
// EINVAL (an MTU that this device cannot have) can be told from a failure of
// ours.
type CallError struct {
	Call   string // what was asked, verb first, with its value: "set mtu 65535"
	Object string // the link that it was asked of: "tap0"
	Err    unix.Errno
}

func (e *CallError) Error() string {
	return fmt.Sprintf("%s on %s: %v (%s)", e.Call, e.Object, e.Err, unix.ErrnoName(e.Err))
}

func (e *CallError) Unwrap() error { return e.Err }

// refused wraps err as a CallError if an errno is at its root, and keeps it
// readable if not.
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
