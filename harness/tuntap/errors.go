package tuntap

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// OptionError names the option of a device that the kernel did not accept.
type OptionError struct {
	Device string     // name; "" where there is none yet
	Call   string     // the ioctl, e.g. "TUNSETOFFLOAD"
	Arg    string     // what was asked for, in words; may be ""
	Errno  unix.Errno // 0: the call succeeded, but reading back showed Got
	Got    string     // what was read back where Errno is 0
	Hint   string     // what else is known about the refusal, or what to do

	// ours: the request does not fit this device, so that the refusal says
	// nothing about the kernel.
	ours bool
	verb string // in place of the call's own, if not ""
}

// verbs maps a call to the beginning of its message and the word before Arg.
var verbs = map[string][2]string{
	"TUNSETIFF":          {"create", "as"},
	"TUNGETIFF":          {"get flags of", ""},
	"TUNSETQUEUE":        {"set a queue of", "to"},
	"TUNSETIFINDEX":      {"set index of", "to"},
	"TUNSETPERSIST":      {"set persistence of", "to"},
	"TUNSETOWNER":        {"set owner of", "to"},
	"TUNSETGROUP":        {"set group of", "to"},
	"TUNSETLINK":         {"set link type of", "to"},
	"TUNSETDEBUG":        {"set message level of", "to"},
	"TUNGETFEATURES":     {"get features of", ""},
	"TUNSETOFFLOAD":      {"set offloads of", "to"},
	"TUNSETTXFILTER":     {"set address filter of", "to"},
	"TUNGETSNDBUF":       {"get send buffer of", ""},
	"TUNSETSNDBUF":       {"set send buffer of", "to"},
	"TUNATTACHFILTER":    {"attach classic filter to", "of"},
	"TUNDETACHFILTER":    {"detach classic filter from", ""},
	"TUNGETFILTER":       {"get classic filter of", ""},
	"TUNGETVNETHDRSZ":    {"get vnet header size of", ""},
	"TUNSETVNETHDRSZ":    {"set vnet header size of", "to"},
	"TUNGETVNETLE":       {"get vnet little-endian mode of", ""},
	"TUNSETVNETLE":       {"set vnet little-endian mode of", "to"},
	"TUNGETVNETBE":       {"get vnet big-endian mode of", ""},
	"TUNSETVNETBE":       {"set vnet big-endian mode of", "to"},
	"TUNSETSTEERINGEBPF": {"set steering program of", "to"},
	"TUNSETFILTEREBPF":   {"set filter program of", "to"},
	"TUNSETCARRIER":      {"set carrier of", "to"},
	"TUNGETDEVNETNS":     {"get namespace of", ""},
	"BPF_PROG_LOAD":      {"load a socket filter program for", ""},
}

func (e *OptionError) Error() string {
	verb, ok := verbs[e.Call]
	if !ok {
		verb = [2]string{"configure", "to"}
	}
	if e.verb != "" {
		verb[0] = e.verb
	}
	device := e.Device
	if device == "" {
		device = "a tun/tap device"
	}
	var b strings.Builder
	b.WriteString(verb[0] + " " + device)
	if e.Arg != "" {
		b.WriteString(" " + verb[1] + " " + e.Arg)
	}
	if e.Errno != 0 {
		b.WriteString(": " + e.Errno.Error())
	} else {
		b.WriteString(": the kernel accepted it, but made it " + e.Got)
	}
	b.WriteString(" (" + e.Call + ")")
	if e.Hint != "" {
		b.WriteString(": " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the errno, so that errors.Is(err, os.ErrPermission) works; nil
// if the call succeeded and did something else.
func (e *OptionError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// enotsupp is the kernel's ENOTSUPP, which is not meant for user space but
// reaches it.
const enotsupp = unix.Errno(524)

// Unsupported reports whether the kernel does not know the option: it refused
// the option as such, or accepted and ignored it. It is false where a
// permission, a descriptor, memory or the name was the obstacle, and where the
// option does not fit the kind of device.
func (e *OptionError) Unsupported() bool {
	if e.ours {
		return false
	}
	switch e.Errno {
	case 0, unix.EINVAL, unix.ENOTTY, unix.EOPNOTSUPP, unix.ENOSYS, unix.E2BIG, enotsupp:
		return true
	}
	return false
}

// optionError wraps the errno of a call; nil stays nil.
func optionError(device, call, arg string, err error) error {
	if err == nil {
		return nil
	}
	e := &OptionError{Device: device, Call: call, Arg: arg}
	if !errors.As(err, &e.Errno) {
		return err
	}
	if errors.Is(err, unix.EPERM) {
		e.Hint = "this needs CAP_NET_ADMIN in the user namespace of the network namespace"
	}
	return e
}

// notLoaded is the error of a try for which no program could be loaded.
func notLoaded(err error) error {
	e := &OptionError{Call: "BPF_PROG_LOAD", ours: true}
	if errors.As(err, &e.Errno) {
		return e
	}
	return fmt.Errorf("load a socket filter program: %w", err)
}
