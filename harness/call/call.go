// Package call holds the error of a system call, for every package that makes
// system calls itself.
package call

// Error is a system call that the kernel refused.
type Error struct {
	Call string // the call and its object: "bind AF_PACKET"
	Err  error  // an errno
}

func (e *Error) Error() string { return e.Call + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }
