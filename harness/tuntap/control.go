package tuntap

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// control makes calls on the descriptors of a device.
type control struct {
	name  string
	tap   bool
	flags uint32 // of TUNSETIFF, as asked for

	// mu guards the fields below and those of filters and options. It keeps
	// descriptors open during a call.
	mu sync.Mutex
	// queues holds the open queues in the order of creation. attached holds
	// those that are not detached, by their number in the kernel.
	queues   []*Queue
	attached []*Queue
}

func (c *control) closedError(verb string) error {
	return fmt.Errorf("%s %s: %w", verb, c.name, os.ErrClosed)
}

// call makes a call on a descriptor of the device and names it in the error.
func (c *control) call(name, arg string, f func(fd int) error) error {
	if len(c.queues) == 0 {
		return c.closedError(verbs[name][0])
	}
	return optionError(c.name, name, arg, f(c.queues[0].fd))
}

// set makes a call whose argument is passed by value.
func (c *control) set(call string, req uint, arg string, value int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.call(call, arg, func(fd int) error { return unix.IoctlSetInt(fd, req, value) })
}

// get makes a call that returns a C int.
func (c *control) get(call string, req uint) (v int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.call(call, "", func(fd int) (err error) {
		v, err = ioctlGetInt(fd, req)
		return err
	})
	return v, err
}

// setBool makes a call that takes a C int, and reads the value back if there is
// a call for that.
func (c *control) setBool(call string, req uint, getReq uint, on bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.setBoolLocked(call, req, getReq, on)
}

func (c *control) setBoolLocked(call string, req uint, getReq uint, on bool) error {
	v := 0
	if on {
		v = 1
	}
	got := v
	err := c.call(call, onOff(on), func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, req, v); err == nil && getReq != 0 {
			got, err = ioctlGetInt(fd, getReq)
		}
		return err
	})
	if err == nil && got != v {
		err = &OptionError{Device: c.name, Call: call, Arg: onOff(on), Got: onOff(!on)}
	}
	return err
}

// onlyTAP marks a refusal on a TUN device as one that says nothing about the
// kernel: only TAP devices have the call.
func (c *control) onlyTAP(err error) error {
	var e *OptionError
	if !c.tap && errors.As(err, &e) && e.Errno == unix.EINVAL {
		e.ours = true
		e.Hint = "only tap devices have it"
	}
	return err
}
