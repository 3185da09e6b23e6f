package watch

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/harness/tuntap"
)

// TestMadeAnew: a device that a process closes and makes again in the same namespace, with the
// same descriptor or the same link address, has gone away, and is no other one that was moved.
func TestMadeAnew(t *testing.T) {
	for _, c := range []struct {
		name            string
		tap, wait       bool
		sameFD, sameMAC bool
	}{
		{"descriptor", false, false, true, false},
		{"address", true, false, false, true},
		{"both, and waited for", true, true, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ns, d := newDevice(t, tuntap.Config{Name: "anew0", TAP: c.tap})
			var said []string
			s := open(t, Options{Device: "anew0", Wait: c.wait, Hook: "none", Say: func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }})
			next(t, s) // to know its owners
			old, fd := s.Device(), d.Queues()[0].FD()
			name := "anew0"
			if !c.wait {
				name = "anew1"
			}
			if err := d.Close(); err != nil {
				t.Fatal(err)
			}
			d = newDeviceIn(t, ns, tuntap.Config{Name: name, TAP: c.tap})
			if c.sameFD && d.Queues()[0].FD() != fd {
				if err := unix.Dup3(d.Queues()[0].FD(), fd, unix.O_CLOEXEC); err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fd)
			}
			if c.sameMAC {
				err := ns.Do(func() error {
					link, err := netlink.LinkByName(name)
					if err != nil {
						return err
					}
					return netlink.LinkSetHardwareAddr(link, net.HardwareAddr(old.MAC))
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			next(t, s) // what was seen until then
			w, err := s.Next(t.Context())
			if c.wait {
				want := []string{"anew0 in " + old.Netns.String() + " has gone away", "anew0 is back in " + old.Netns.String()}
				if err != nil || !slices.Equal(said, want) || w.Device.Ifindex == old.Index {
					t.Errorf("%v, said %q, want %q", err, said, want)
				}
				return
			}
			var gone *GoneError
			if !errors.As(err, &gone) || len(said) > 0 {
				t.Errorf("%v, said %q, want that it has gone away", err, said)
			}
		})
	}
}
