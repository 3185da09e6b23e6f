// Package netem makes the link between two hosts one that is not perfect.
package netem

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Link is a link between two hosts that is not perfect, by netem on the devices at its ends.
// It is perfect while devices and tunnels are set up. Then it delays, so that TCP connects on
// it as it is; it loses packets once all are connected. All methods may be called on nil, which
// is a perfect link.
type Link struct {
	spec  spec.Spec
	netem netns.Netem
	ns    [2]*netns.NS
	names [2]string
}

// Impair makes the link between two devices as s asks; nil if that is perfect.
func Impair(s spec.Spec, ns [2]*netns.NS, names [2]string) (*Link, error) {
	if !s.Impaired() {
		return nil, nil
	}
	l := &Link{spec: s, ns: ns, names: names, netem: netns.Netem{Delay: s.Delay, Drop: s.Drop, Reorder: s.Reorder, Limit: spec.LinkLimit}}
	for i, n := range ns {
		if err := netns.SetNetem(n, names[i], l.netem); err != nil {
			return nil, noNetem(err)
		}
	}
	return l, nil
}

// noNetem explains the errno of a kernel without netem.
func noNetem(err error) error {
	var call *netns.CallError
	if !errors.As(err, &call) || call.Err != unix.ENOENT && call.Err != unix.EOPNOTSUPP {
		return err
	}
	return &refusal.Unsupported{Detail: fmt.Sprintf("delay, drop and reorder: this kernel has no netem; boot one that has it, or load its module if there is one (modprobe sch_netem): %v", err)}
}

// Begin makes the link lose packets and let others overtake.
func (l *Link) Begin() error {
	if l == nil || l.spec.Drop == 0 && l.spec.Reorder == 0 {
		return nil
	}
	for i, n := range l.ns {
		if err := netns.BeginNetem(n, l.names[i], l.netem); err != nil {
			return err
		}
	}
	return nil
}

// Counts is what a link has done with the packets of each host.
type Counts [2]netns.NetemCounts

// Counts are those since the link was made.
func (l *Link) Counts() (c Counts, err error) {
	if l == nil {
		return c, nil
	}
	for i, n := range l.ns {
		if c[i], err = netns.ReadNetem(n, l.names[i]); err != nil {
			return c, err
		}
	}
	return c, nil
}

// Waiting reports whether packets wait on the link.
func (l *Link) Waiting() (bool, error) {
	c, err := l.Counts()
	return c[0].Waiting > 0 || c[1].Waiting > 0, err
}

// Lost is how many packets or GSO packets of a host the link has not carried.
func (c Counts) Lost(host int) uint64 { return c[host].Dropped + c[host].Full }

// Drops adds what the link has not carried to the drops of a hop, by reason. Of a path whose
// packets are bound together on the link, each stands for so many packets.
func (c Counts) Drops(host int, each uint64, into map[string]uint64) {
	if n := c[host].Dropped; n > 0 {
		into[record.LinkDrop] += n * each
	}
	if n := c[host].Full; n > 0 {
		into[record.LinkFull] += n * each
	}
}

// Describe fills in what the link was, and what it did.
func (l *Link) Describe(t *record.Trial, c Counts) {
	if l == nil {
		return
	}
	t.Link = &record.Link{DelayNs: l.spec.Delay.Nanoseconds(), Drop: l.spec.Drop, Reorder: l.spec.Reorder, Limit: spec.LinkLimit}
	for i, name := range l.names {
		t.Link.Ends = append(t.Link.Ends, record.LinkEnd{Device: name, Passed: c[i].Passed, Dropped: c[i].Dropped, Full: c[i].Full})
	}
}
