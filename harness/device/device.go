// Package device builds the TUN/TAP device that a Spec asks for, in a namespace,
// reads back what the kernel made of it, observes it, and triggers the events of a
// trial, such as a detached queue.
package device

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/harness/vhost"
	"tunbench/reports/record"
)

// Name is that of the device, or of the first one where there are two.
const Name = "tunbench0"

// Device is a TUN/TAP device in its namespace, with the settings that were read back
// from the kernel.
type Device struct {
	*tuntap.Device
	NS      *netns.NS
	Spec    spec.Spec
	State   netns.State
	VnetHdr int // bytes of the virtio-net header
	flags   []string
	sndbuf  int // send buffer of a queue in bytes
	// Drivers are the vhost-net devices that receive, by descriptor of the queue.
	Drivers map[int]*vhost.Device
}

// OffloadMasks are the flags of TUNSETOFFLOAD for each offload.
var OffloadMasks = map[spec.Offload]uint{
	spec.OffloadNone: 0,
	spec.OffloadCsum: tuntap.OffCsum,
	spec.OffloadTSO:  tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN,
	spec.OffloadUSO: tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN |
		tuntap.OffUSO4 | tuntap.OffUSO6,
	spec.OffloadTunnel: tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN |
		tuntap.OffUSO4 | tuntap.OffUSO6 | tuntap.OffTunnel | tuntap.OffTunnelCsum,
}

var steerings = map[spec.Steer]bpf.Steering{
	spec.SteerEBPF: bpf.SteerHash, spec.SteerCPU: bpf.SteerCPU, spec.SteerOne: bpf.SteerOne,
}

// New makes the device that s asks for in ns, sets its link up and reads its
// settings back. The caller closes the device, also one returned with an error.
func New(ns *netns.NS, name string, s spec.Spec, l netns.Link) (*Device, error) {
	d := &Device{NS: ns, Spec: s}
	if err := d.create(name); err != nil {
		return d, err
	}
	if err := ns.Configure(name, l); err != nil {
		return d, refusal.OfLink(err, l)
	}
	return d, d.readBack(l)
}

func (d *Device) create(name string) error {
	s := d.Spec
	c := tuntap.Config{
		Name: name, TAP: s.Mode == spec.TAP, Queues: s.Queues, PI: s.PI,
		VnetHdr: s.VnetHdr, Offload: OffloadMasks[s.Offload],
		NAPI: s.NAPI != spec.NAPIOff, NAPIFrags: s.NAPI == spec.NAPIFrags,
		Backpressure: s.Backpressure, SndBuf: s.SndBuf, Exclusive: true, NonBlock: s.NonBlocking(),
	}
	if kind, ok := steerings[s.Steer]; ok {
		prog, err := bpf.LoadSteering(kind)
		if err != nil {
			return err
		}
		defer prog.Close() // the device holds it
		c.SteeringFD = prog.FD()
	}
	if s.Filter {
		prog, err := bpf.LoadFilter(s.FilterTime)
		if err != nil {
			return err
		}
		defer prog.Close()
		c.FilterFD = prog.FD()
	}
	return d.NS.Do(func() (err error) {
		d.Device, err = tuntap.Create(c)
		return err
	})
}

// Close may be called of a device that could not be made.
func (d *Device) Close() error {
	if d == nil || d.Device == nil {
		return nil
	}
	return d.Device.Close()
}

// effective are the ethtool features that each offload turns on in addition to those
// of the offloads before it, in the order in which offloads include each other.
var effective = []struct {
	offload  spec.Offload
	features []string
}{
	{spec.OffloadNone, nil},
	{spec.OffloadCsum, []string{"tx-checksum-ip-generic"}},
	{spec.OffloadTSO, []string{FeatureTSO, featureTSO6, "tx-tcp-ecn-segmentation"}},
	{spec.OffloadUSO, []string{FeatureUSO}},
	{spec.OffloadTunnel, []string{"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation"}},
}

// offloadsAsAsked compares the features of a device with the offload that was
// announced: its features and those of the offloads before it must be on, and no
// others.
func offloadsAsAsked(name string, asked spec.Offload, features []string) error {
	on := true
	for _, e := range effective {
		for _, feature := range e.features {
			if slices.Contains(features, feature) == on {
				continue
			}
			return &refusal.Unsupported{Detail: fmt.Sprintf("the kernel took offload=%s for %s, but turned %s %s", asked, name, feature, map[bool]string{true: "off", false: "on"}[on])}
		}
		on = on && e.offload != asked
	}
	return nil
}

// readBack reads the settings of the device from the kernel. A silent downgrade is an
// error.
func (d *Device) readBack(want netns.Link) (err error) {
	name := d.Name()
	if d.State, err = d.NS.Configured(name, want); err != nil {
		return err
	}
	if d.flags, err = d.FlagNames(); err != nil {
		return err
	}
	if d.Spec.VnetHdr > 0 {
		if d.VnetHdr, err = d.VnetHdrSize(); err != nil {
			return err
		}
	}
	if d.sndbuf, err = d.SndBuf(); err != nil {
		return err
	}
	if err := AsAsked(d.State, want); err != nil {
		return err
	}
	if want := cmp.Or(d.Spec.SndBuf, tuntap.DefaultSndBuf); d.sndbuf != want {
		return downgraded(name, "send buffer", want, d.sndbuf)
	}
	if d.VnetHdr != d.Spec.VnetHdr {
		return downgraded(name, "vnet header size", d.Spec.VnetHdr, d.VnetHdr)
	}
	return offloadsAsAsked(name, d.Spec.Offload, d.State.Features)
}

// Reread reads the settings again, of a device that another program has opened, and
// compares them with those that were requested.
func (d *Device) Reread(want netns.Link) error { return d.readBack(want) }

// AsAsked compares the settings of a link with those that were requested.
func AsAsked(got netns.State, want netns.Link) error {
	switch {
	case got.MTU != want.MTU:
		return downgraded(got.Name, "mtu", want.MTU, got.MTU)
	case got.TxQLen != want.TxQLen:
		return downgraded(got.Name, "txqlen", want.TxQLen, got.TxQLen)
	case want.MAC != nil && !slices.Equal(got.MAC, want.MAC):
		return downgraded(got.Name, "address", want.MAC, got.MAC)
	}
	return QdiscAsAsked(got, want)
}

// QdiscAsAsked compares the root qdisc of a link, as NS.Configured spells it, with the one that
// was requested, if any was.
func QdiscAsAsked(got netns.State, want netns.Link) error {
	if want.Qdisc != "" && got.Qdisc != want.Qdisc {
		return downgraded(got.Name, "qdisc", want.Qdisc, got.Qdisc)
	}
	return nil
}

func downgraded(name, what string, want, got any) error {
	return &refusal.Unsupported{Detail: fmt.Sprintf("set %s of %s to %v: the kernel made it %v", what, name, want, got)}
}

// Target is the device as an observer is told of it.
func (d *Device) Target(sampleEvery int) bpf.Target {
	return bpf.Target{
		Ifindex: uint32(d.State.Index), Netns: d.NS.Inode(), Queues: d.Spec.Queues, Stops: d.Spec.Holds(),
		GSO: d.Spec.Offload != spec.OffloadNone || CutBehindQdisc(d.Spec), SampleEvery: sampleEvery,
	}
}

// Record is the device in a record.
func (d *Device) Record() record.Device {
	return record.Device{
		Name: d.Name(), Flags: d.flags, VnetHdrSz: d.VnetHdr, Offloads: d.State.Features,
		Qdisc: d.State.Qdisc, TxQLen: d.State.TxQLen, MTU: d.State.MTU, SndBuf: d.sndbuf,
	}
}

// Counters are those of the link and of its qdisc.
func (d *Device) Counters() (netns.Counters, error) {
	c, err := d.NS.Counters(d.Name())
	if err == nil && d.Spec.Holds() {
		c.Qdisc, err = d.NS.Qdisc(d.Name())
	}
	return c, err
}

// Empty reports whether no packet is left in the device: nothing to read on any
// queue, and nothing in the qdisc.
func (d *Device) Empty() (bool, error) {
	fds := make([]unix.PollFd, 0, d.Spec.Queues)
	for _, q := range d.Queues() {
		fds = append(fds, unix.PollFd{Fd: int32(q.FD()), Events: unix.POLLIN})
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll the queues of %s: %w", d.Name(), err)
	}
	if n > 0 || err != nil {
		return false, nil
	}
	if !d.Spec.Holds() {
		return true, nil
	}
	before, err := d.Counters()
	if err != nil || before.Qdisc.Held > 0 {
		return false, err
	}
	// What has just left the qdisc may not be in the ring yet.
	time.Sleep(time.Millisecond)
	now, err := d.Counters()
	return now == before, err
}

const (
	FeatureTSO  = "tx-tcp-segmentation"
	featureTSO6 = "tx-tcp6-segmentation"
	FeatureUSO  = "tx-udp-segmentation"
)

// MaxPacket is the longest packet that the device gives or takes, link header
// included.
func (d *Device) MaxPacket() int {
	if d.Spec.Offload != spec.OffloadNone && d.Spec.Offload != spec.OffloadCsum {
		return spec.MaxSize + packet.EthernetLen
	}
	return d.State.MTU + packet.EthernetLen
}

// maxWrite is the longest packet that is written to the device.
func (d *Device) maxWrite() int {
	if SegmentsPerWrite(d.Spec) > 1 {
		return spec.MaxSize + packet.EthernetLen
	}
	return max(d.Spec.Size, d.State.MTU) + packet.EthernetLen
}

// TakesHeader asks the kernel whether a device like this one takes such a
// GSO packet, virtio-net header first: where it does not know the kind, vhost's
// worker drops the packet without an error. One that is down refuses all, but
// looks at the header before that.
func (d *Device) TakesHeader(b []byte) error {
	return d.probe(func(probe *tuntap.Device) error {
		if _, errno := unix.Write(probe.Queues()[0].FD(), b); errno == unix.EINVAL {
			return d.refused("write")
		}
		return nil
	})
}

// SendsHeader reports why the kernel refuses a GSO packet that a packet socket sends; nil if
// the kernel accepts it. b begins with the header that PACKET_VNET_HDR requires. The packet is
// sent into a device made for this purpose.
func (d *Device) SendsHeader(b []byte) error {
	return d.probe(func(probe *tuntap.Device) error {
		if err := d.NS.Configure(probe.Name(), netns.Link{MTU: d.State.MTU}); err != nil {
			return err
		}
		state, err := d.NS.Device(probe.Name())
		if err != nil {
			return err
		}
		return d.NS.Do(func() error {
			errno := sendFrame(state.Index, d.Spec.Family, b)
			if errors.Is(errno, unix.EINVAL) {
				return d.refused("sendto AF_PACKET")
			}
			return errno
		})
	})
}

// probe makes a device like this one for as long as do runs.
func (d *Device) probe(do func(*tuntap.Device) error) (err error) {
	var probe *tuntap.Device
	err = d.NS.Do(func() (err error) {
		probe, err = tuntap.Create(tuntap.Config{TAP: d.Spec.Mode == spec.TAP, Queues: 1, PI: d.Spec.PI, VnetHdr: d.Spec.VnetHdr, NonBlock: true})
		return err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, probe.Close()) }()
	return do(probe)
}

// refused names the kind of GSO packet that a call refused with EINVAL.
func (d *Device) refused(by string) error {
	protocol := "UDP"
	if d.Spec.Gen == spec.GenPacketGSO {
		protocol = "TCP"
	}
	kind := fmt.Sprintf("%s over IPv%d", protocol, d.Spec.Family)
	if d.Spec.Tail != spec.TailFull {
		kind += fmt.Sprintf(" with tail=%s", d.Spec.Tail)
	}
	return &refusal.Unsupported{Detail: fmt.Sprintf("this kernel takes no GSO packets of %s: %s: %v (EINVAL)", kind, by, unix.EINVAL)}
}
