package path

import (
	"errors"
	"fmt"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// vethPath is path=veth, the simplest reference path: a pair of veth
// devices with the kernel's defaults, each in a namespace. It has no device of
// ours, and so no observer.
type vethPath struct {
	spec  spec.Spec
	hosts [2]Host
	links [2]netns.Link
	state [2]netns.State
	// What the two devices counted, at the end.
	counters [2]netns.Counters
}

func newVeth(s spec.Spec) *vethPath { return &vethPath{spec: s} }

// Names of the devices of the two hosts.
var vethNames = [2]string{"veth0", "veth1"}

func (w *vethPath) Build() (Site, error) {
	err := w.construct()
	return Site{Hosts: w.hosts}, err
}

func (w *vethPath) construct() error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr(), Link: vethNames[i]}
		w.links[i] = device.HostLink(w.spec, i, true)
	}
	if err := w.hosts[0].NS.Veth(vethNames[0], w.hosts[1].NS, vethNames[1]); err != nil {
		return err
	}
	for i, h := range w.hosts {
		if err := h.NS.Configure(h.Link, w.links[i]); err != nil {
			return err
		}
	}
	return w.readBack()
}

// readBack asks the kernel what it made of the links.
func (w *vethPath) readBack() (err error) {
	for i, h := range w.hosts {
		if err := Activated(h.NS, h.Link); err != nil {
			return err
		}
		if w.state[i], err = h.NS.Device(h.Link); err != nil {
			return err
		}
		if err := device.AsAsked(w.state[i], w.links[i]); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether the stack of each host has received all that the device of
// the other one sent: packets between them wait in a CPU's backlog.
func (w *vethPath) Empty() (bool, error) {
	for i, h := range w.hosts {
		sent, err := h.NS.Counters(h.Link)
		if err != nil {
			return false, err
		}
		stack, err := w.hosts[1-i].NS.Stack()
		if err != nil || stack.Received < sent.TxPackets {
			return false, err
		}
	}
	return true, nil
}

func (w *vethPath) Collect() (Ledger, error) { return w, w.count() }

func (w *vethPath) count() (err error) {
	for i, h := range w.hosts {
		if w.counters[i], err = h.NS.Counters(h.Link); err != nil {
			return err
		}
	}
	return nil
}

func (w *vethPath) Account(t *record.Trial) {
	t.Device = hostDevice(w.state[0])
	t.Devices = []record.Device{t.Device, hostDevice(w.state[1])}
	for i := range w.counters {
		// The first device drops what the backlog of the other host's CPU does
		// not take (veth_xmit of drivers/net/veth.c).
		account.Drop(t, [...]spec.Dir{spec.K2U, spec.U2K}[i], record.TxDropped, w.counters[i].TxDropped*device.SegmentsPerSKB(w.spec, w.state[i]))
	}
}

func (w *vethPath) Mismatch(t *record.Trial) string {
	for i, c := range w.counters {
		if other := w.counters[1-i]; c.TxPackets != other.RxPackets {
			return fmt.Sprintf("%s sent %d packets or GSO packets, %s counted %d", vethNames[i], c.TxPackets, vethNames[1-i], other.RxPackets)
		}
	}
	return ""
}

func (w *vethPath) Close() error {
	var errs []error
	for _, h := range w.hosts {
		if h.NS != nil {
			errs = append(errs, h.NS.Close())
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
