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
	"tunbench/reports/record"
)

// aided is a worker for which a thread of the kernel works.
type aided interface {
	// AideTime is the CPU time in ns of that thread; 0 if there is none.
	AideTime() (int64, error)
	// Aided tells whether there is such a thread and, once it runs, why it is not
	// on the CPU of whom it works for and why its time is not known.
	Aided() (aided bool, pin, time error)
}

// addAideTime adds the time of a worker's aide to a sum; the sum is -1,
// unknown, if that is.
func addAideTime(sum int64, a aided) int64 {
	n, err := a.AideTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

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
func (d *device) openVhostReader(c sink.Config, control *sink.Control) (*sink.Vhost, error) {
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

// vhostEmpty tells whether no worker of vhost has packets in hand, when the
// device is empty.
func vhostEmpty(readers []reader) (bool, error) {
	for _, r := range readers {
		if v, ok := r.(*sink.Vhost); ok {
			if empty, err := v.Device.Empty(); !empty || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// aided are those of a lane.
func (l *lane) aided() (list []aided) {
	for _, r := range l.readers {
		if a, ok := r.(aided); ok {
			list = append(list, a)
		}
	}
	for _, s := range l.senders {
		list = append(list, s)
	}
	return list
}

// noteAides says what was done about vhost's workers; those of one list fare
// alike.
func noteAides(t *record.Trial, list []aided) {
	for _, a := range list {
		on, pin, time := a.Aided()
		switch {
		case !on:
			continue
		case time != nil:
			t.Notes = append(t.Notes, fmt.Sprintf("vhost: the CPU time of the kernel's workers is not known: %v", time))
		case pin != nil:
			t.Notes = append(t.Notes, fmt.Sprintf("vhost: the kernel's workers ran where its scheduler put them, and their CPU time counts: %v", pin))
		default:
			t.Notes = append(t.Notes, "vhost: the kernel's worker of each queue ran on the CPU of whom it works for, and its CPU time counts")
		}
		return
	}
}

// openDrivers makes a vhost-net device behind each queue of both devices, which
// receives and transmits as far as packets go that way.
func (w *relayWire) openDrivers() error {
	if w.spec.IO != spec.IOVhost {
		return nil
	}
	for i, d := range w.devices {
		c := vhost.Config{VnetHdr: d.vnet}
		buffers := sink.VhostBuffers(d.maxPacket())
		if i < w.spec.Directions() {
			c.Receive = buffers
		}
		if 1-i < w.spec.Directions() {
			c.Transmit = buffers
		}
		for _, q := range d.Queues() {
			c.Backend = q.FD()
			driver, err := vhost.Open(c)
			if err != nil {
				return refusal.OfVhost(err)
			}
			w.drivers[i] = append(w.drivers[i], driver)
		}
	}
	return nil
}

// closeDrivers leaves them alone while a carrier still uses their memory.
func (w *relayWire) closeDrivers() error {
	for _, c := range w.carriers() {
		if t := c.Thread(); t != nil {
			select {
			case <-t.Done():
			default:
				return errors.New("a carrier has not ended")
			}
		}
	}
	var errs []error
	for _, drivers := range w.drivers {
		for _, d := range drivers {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// vhostRow tells whether io=vhost works here.
func vhostRow() Row {
	row := Row{Name: "io=vhost", Status: StatusOK, Detail: "vhost-net, by virtio 1.0 and, with vnet=10, by the legacy protocol, with event indexes"}
	for _, vnet := range []int{0, 10, 12} {
		if err := vhost.Supported(vnet); err != nil {
			err = refusal.OfVhost(err)
			row.Status, row.Detail = StatusFailed, err.Error()
			if reason, _ := refusal.Classify(err); reason == record.Unsupported {
				row.Status = StatusUnsupported
			}
			break
		}
	}
	return row
}
