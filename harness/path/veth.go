package path

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netem"
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
	link  *netem.Link
	// What the two devices counted, at the end, and what the link did.
	counters [2]netns.Counters
	carried  netem.Counts
}

func newVeth(s spec.Spec) *vethPath { return &vethPath{spec: s} }

// Names of the devices of the two hosts.
var vethNames = [2]string{"veth0", "veth1"}

func (w *vethPath) Build(ctx context.Context) (Site, error) {
	err := w.construct(ctx)
	return Site{Hosts: w.hosts, Link: w.link}, err
}

func (w *vethPath) construct(ctx context.Context) error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr(), Link: vethNames[i]}
		w.links[i] = device.HostLink(w.spec, i, true)
		if w.spec.Drop > 0 { // of packets, and not of whole GSO packets
			w.links[i].MaxSegs = 1
		}
	}
	if err := w.hosts[0].NS.Veth(vethNames[0], w.hosts[1].NS, vethNames[1]); err != nil {
		return err
	}
	for i, h := range w.hosts {
		if err := h.NS.Configure(h.Link, w.links[i]); err != nil {
			return err
		}
	}
	if err := w.readBack(ctx); err != nil {
		return err
	}
	var err error
	w.link, err = netem.Impair(w.spec, [2]*netns.NS{w.hosts[0].NS, w.hosts[1].NS}, vethNames)
	return err
}

// readBack asks the kernel what it made of the links.
func (w *vethPath) readBack(ctx context.Context) (err error) {
	for i, h := range w.hosts {
		if err := Activated(ctx, h.NS, h.Link); err != nil {
			return err
		}
		if w.state[i], err = h.NS.Configured(h.Link, w.links[i]); err != nil {
			return err
		}
		if err := device.AsAsked(w.state[i], w.links[i]); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether the stack of each host has received all that the device of
// the other one sent: packets between them wait on the link and in a CPU's backlog.
func (w *vethPath) Empty() (bool, error) {
	if waiting, err := w.link.Waiting(); waiting || err != nil {
		return false, err
	}
	for i, h := range w.hosts {
		sent, err := h.NS.Counters(h.Link)
		if err != nil {
			return false, err
		}
		if q, err := device.QdiscOf(w.spec, h.NS, h.Link); err != nil || q.Held > 0 {
			return false, err
		}
		received, err := w.hosts[1-i].NS.Received()
		if err != nil || received < sent.TxPackets {
			return false, err
		}
	}
	return true, nil
}

// settleWithin is how long the counters of both ends may differ by a packet that passes, such
// as the last acknowledgement of a program that has ended.
const settleWithin = 100 * time.Millisecond

// Collect reads the counters of the ends one after the other, again while a packet passed
// between the two.
func (w *vethPath) Collect() (Ledger, error) {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		if err := w.count(); err != nil || w.Mismatch(nil) == "" || time.Since(began) > settleWithin {
			return w, err
		}
	}
}

func (w *vethPath) count() (err error) {
	for i, h := range w.hosts {
		if w.counters[i], err = h.NS.Counters(h.Link); err != nil {
			return err
		}
		if w.counters[i].Qdisc, err = device.QdiscOf(w.spec, h.NS, h.Link); err != nil {
			return err
		}
	}
	w.carried, err = w.link.Counts()
	return err
}

func (w *vethPath) Account(t *record.Trial) {
	t.Device = hostDevice(w.state[0])
	t.Devices = []record.Device{t.Device, hostDevice(w.state[1])}
	w.link.Describe(t, w.carried)
	for i := range w.counters {
		dir, perSKB := [...]spec.Dir{spec.K2U, spec.U2K}[i], device.SegmentsPerSKB(w.spec, w.state[i])
		lost := map[string]uint64{}
		w.carried.Drops(i, perSKB, lost)
		for reason, n := range lost {
			account.Drop(t, dir, reason, n)
		}
		// The first device drops what the backlog of the other host's CPU does
		// not take (veth_xmit of drivers/net/veth.c).
		for reason, n := range device.Lost(w.spec, nil, w.counters[i], perSKB) {
			account.Drop(t, dir, reason, n)
		}
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
