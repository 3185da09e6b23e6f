package device

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/harness/vhost"
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

// OpenVhostReader makes a vhost-net device behind a queue, and its driver.
func OpenVhostReader(d *Device, c sink.Config, control *sink.Control) (*sink.Vhost, error) {
	config := vhost.Config{Backend: c.FD, VnetHdr: d.VnetHdr, Receive: sink.VhostBuffers(d.MaxPacket())}
	if d.Spec.Dir == spec.Both {
		// One device a queue serves both directions.
		config.Transmit = sink.VhostBuffers(d.maxWrite())
	}
	v, err := vhost.Open(config)
	if err != nil {
		return nil, refusal.OfVhost(err)
	}
	if d.Drivers == nil {
		d.Drivers = map[int]*vhost.Device{}
	}
	d.Drivers[c.FD] = v
	return sink.NewVhost(c, v, control), nil
}

// TakesHeader asks the kernel whether a device like this one takes such a
// super-packet, virtio-net header first: where it does not know the kind, vhost's
// worker drops the packet and tells nobody. One that is down refuses all, but
// looks at the header before that.
func (d *Device) TakesHeader(packet []byte) (err error) {
	var probe *tuntap.Device
	err = d.NS.Do(func() (err error) {
		probe, err = tuntap.Create(tuntap.Config{TAP: d.Spec.Mode == spec.TAP, Queues: 1, PI: d.Spec.PI, VnetHdr: d.Spec.VnetHdr, NonBlock: true})
		return err
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, probe.Close()) }()
	switch _, errno := unix.Write(probe.Queues()[0].FD(), packet); errno {
	case unix.EINVAL:
		return &refusal.Unsupported{Detail: fmt.Sprintf("this kernel does not take such super-packets: write: %v", errno)}
	default:
		return nil
	}
}
