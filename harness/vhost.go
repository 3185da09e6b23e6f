package harness

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

// maxPacket is the longest packet that the device gives or takes, link header
// included.
func (d *device) maxPacket() int {
	if d.spec.Offload != spec.OffloadNone && d.spec.Offload != spec.OffloadCsum {
		return spec.MaxSize + packet.EthernetLen
	}
	return d.state.MTU + packet.EthernetLen
}

// maxWrite is the longest packet that is written to the device.
func (d *device) maxWrite() int {
	if segmentsPerWrite(d.spec) > 1 {
		return spec.MaxSize + packet.EthernetLen
	}
	return max(d.spec.Size, d.state.MTU) + packet.EthernetLen
}

// openVhostReader makes a vhost-net device behind a queue, and its driver.
func openVhostReader(d *device, c sink.Config, control *sink.Control) (*sink.Vhost, error) {
	config := vhost.Config{Backend: c.FD, VnetHdr: d.vnet, Receive: sink.VhostBuffers(d.maxPacket())}
	if d.spec.Dir == spec.Both {
		// One device a queue serves both directions.
		config.Transmit = sink.VhostBuffers(d.maxWrite())
	}
	v, err := vhost.Open(config)
	if err != nil {
		return nil, refusal.OfVhost(err)
	}
	if d.drivers == nil {
		d.drivers = map[int]*vhost.Device{}
	}
	d.drivers[c.FD] = v
	return sink.NewVhost(c, v, control), nil
}

// takesHeader asks the kernel whether a device like this one takes such a
// super-packet, virtio-net header first: where it does not know the kind, vhost's
// worker drops the packet and tells nobody. One that is down refuses all, but
// looks at the header before that.
func (d *device) takesHeader(packet []byte) (err error) {
	var probe *tuntap.Device
	err = d.ns.Do(func() (err error) {
		probe, err = tuntap.Create(tuntap.Config{TAP: d.spec.Mode == spec.TAP, Queues: 1, PI: d.spec.PI, VnetHdr: d.spec.VnetHdr, NonBlock: true})
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
