package device

import (
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/vhost"
)

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
