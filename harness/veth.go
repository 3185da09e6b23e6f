package harness

import (
	"errors"
	"fmt"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// vethWire is the wire of path=veth, the simplest yardstick: a pair of veth
// devices with the kernel's defaults, each in a namespace. It has no device of
// ours, and so no observer.
type vethWire struct {
	spec  spec.Spec
	hosts [2]pathHost
	links [2]netns.Link
	state [2]netns.State
	// What the two devices counted, at the end.
	counters [2]netns.Counters
}

func newVethWire(s spec.Spec) *vethWire { return &vethWire{spec: s} }

// Names of the devices of the two hosts.
var vethNames = [2]string{"veth0", "veth1"}

func (w *vethWire) build() (site, error) {
	err := w.construct()
	return site{hosts: w.hosts}, err
}

func (w *vethWire) construct() error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = pathHost{ns: ns, addr: hostAddress(w.spec, i).Addr(), link: vethNames[i]}
		w.links[i] = hostLink(w.spec, i, true)
	}
	if err := w.hosts[0].ns.Veth(vethNames[0], w.hosts[1].ns, vethNames[1]); err != nil {
		return err
	}
	for i, h := range w.hosts {
		if err := h.ns.Configure(h.link, w.links[i]); err != nil {
			return err
		}
	}
	return w.readBack()
}

// readBack asks the kernel what it made of the links.
func (w *vethWire) readBack() (err error) {
	for i, h := range w.hosts {
		if err := activated(h.ns, h.link); err != nil {
			return err
		}
		if w.state[i], err = h.ns.Device(h.link); err != nil {
			return err
		}
		if err := asAsked(w.state[i], w.links[i]); err != nil {
			return err
		}
	}
	return nil
}

// empty is so when the stack of each host has received all that the other
// one's device sent: what is between them waits in a CPU's backlog.
func (w *vethWire) empty() (bool, error) {
	for i, h := range w.hosts {
		sent, err := h.ns.Counters(h.link)
		if err != nil {
			return false, err
		}
		stack, err := w.hosts[1-i].ns.Stack()
		if err != nil || stack.Received < sent.TxPackets {
			return false, err
		}
	}
	return true, nil
}

func (w *vethWire) collect() (ledger, error) { return w, w.count() }

func (w *vethWire) count() (err error) {
	for i, h := range w.hosts {
		if w.counters[i], err = h.ns.Counters(h.link); err != nil {
			return err
		}
	}
	return nil
}

func (w *vethWire) account(t *record.Trial) {
	t.Device = hostDevice(w.state[0])
	t.Devices = []record.Device{t.Device, hostDevice(w.state[1])}
	for i := range w.counters {
		// The first device drops what the backlog of the other host's CPU does
		// not take (veth_xmit of drivers/net/veth.c).
		drop(t, [...]spec.Dir{spec.K2U, spec.U2K}[i], record.TxDropped, w.counters[i].TxDropped*segmentsPerSKB(w.spec, w.state[i]))
	}
}

func (w *vethWire) mismatch(t *record.Trial) string {
	for i, c := range w.counters {
		if other := w.counters[1-i]; c.TxPackets != other.RxPackets {
			return fmt.Sprintf("%s sent %d packets or super-packets, %s counted %d", vethNames[i], c.TxPackets, vethNames[1-i], other.RxPackets)
		}
	}
	return ""
}

func (w *vethWire) close() error {
	var errs []error
	for _, h := range w.hosts {
		if h.ns != nil {
			errs = append(errs, h.ns.Close())
		}
	}
	return errors.Join(errs...)
}

// hostDevice is the record of a device that is not TUN or TAP.
func hostDevice(s netns.State) record.Device {
	return record.Device{
		Name: s.Name, Flags: []string{}, Offloads: s.Features, Qdisc: s.Qdisc, TxQLen: s.TxQLen, MTU: s.MTU,
	}
}
