package traffic

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/socket"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

const (
	// vhostEntries are those of a transmit queue of QEMU's.
	vhostEntries = 256
	// vhostBytes bounds the memory of a queue for GSO packets.
	vhostBytes = 4 << 20
	// checkEvery is how often in ns a sender checks that the device exists:
	// vhost does not report that it was removed, and accepts all packets.
	checkEvery = 50_000_000
	// settleTimeout bounds the wait for vhost to take the offered packets.
	settleTimeout = 5 * time.Second
)

// driver is the transmitting half of a virtio driver.
type driver struct {
	*vhost.Device
	own     bool  // the device is the sender's
	free    []int // buffers that the kernel does not have
	added   int   // bytes before each packet that vhost takes away
	checked int64 // when the device was last seen to be there, in ns of the trial's clock
}

// drivers are those of a sender.
type drivers []*driver

// cpuTime is the CPU time in ns of the workers of the sender's own devices.
func (l drivers) cpuTime() (sum int64, err error) {
	for _, d := range l {
		if !d.own {
			continue
		}
		n, err := d.WorkerTime()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// pin puts the workers of the sender's own devices on a CPU.
func (l drivers) pin(cpu int) error {
	var errs []error
	for _, d := range l {
		if d.own {
			errs = append(errs, d.Pin(cpu))
		}
	}
	return errors.Join(errs...)
}

// idle reports whether the kernel has taken all that it was given.
func (l drivers) idle() bool {
	return !slices.ContainsFunc(l, func(d *driver) bool { return !d.TX.Idle() })
}

// close ends the workers of the sender's own devices.
func (l drivers) close() error {
	var errs []error
	for _, d := range l {
		if d.own {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}

// driverSender is a Sender that writes as a virtio driver does.
type driverSender struct{ *Sender }

// open makes a vhost-net device for each queue that the sender writes to.
// Another sender makes its own for the same queue: a virtqueue has one driver.
func (s driverSender) open() error {
	byFD := map[int]*driver{}
	for position, fd := range s.FDs {
		d := byFD[fd]
		if d == nil {
			if s.Drivers != nil {
				d = newDriver(s.Drivers[position])
			} else {
				var err error
				if d, err = s.openDriver(fd); err != nil {
					return err
				}
			}
			byFD[fd] = d
			s.drivers = append(s.drivers, d)
		}
		s.driverOf = append(s.driverOf, d)
	}
	return nil
}

func (s driverSender) openDriver(fd int) (*driver, error) {
	longest := 0
	for _, b := range s.batch.buffers {
		longest = max(longest, len(b)-len(s.batch.device))
	}
	entries := vhostEntries
	for entries*longest > vhostBytes {
		entries /= 2
	}
	device, err := vhost.Open(vhost.Config{
		Backend: fd, VnetHdr: s.VnetHdr, Transmit: vhost.Buffers{Entries: entries, Size: longest},
	})
	if err != nil {
		return nil, fmt.Errorf("write by vhost-net: %w", err)
	}
	d := newDriver(device)
	d.own = true
	return d, nil
}

func newDriver(device *vhost.Device) *driver {
	d := &driver{Device: device, added: device.Added()}
	for i := range device.TX.Entries() {
		d.free = append(d.free, i)
	}
	return d
}

// write offers messages of one flow by a virtqueue: it writes each into a
// buffer of the queue, and notifies the worker once, if necessary. If the
// kernel has all buffers it waits, as write(2) does. The result of each packet
// is not reported: the device counts it.
func (s driverSender) write(_ int, messages []socket.Message) (int, unix.Errno) {
	w := s.writes
	d := s.driverOf[w.position]
	paced := s.Pace.Rate > 0
	seq := s.seqs[w.position]
	n := 0
	for n < len(messages) {
		worker.Turn()
		if len(d.free) == 0 && !s.reclaim(d) {
			break
		}
		now := s.now()
		due := now
		if paced {
			due = w.due[w.first+n]
		}
		i := d.free[len(d.free)-1]
		d.free = d.free[:len(d.free)-1]
		message := w.first + n
		// The packet is made in place. All packets of a sender have their stamps at
		// the same offsets, and zeros elsewhere.
		length := len(s.batch.buffers[message])
		s.batch.buffers[message] = d.TX.Buffer(i)[d.added:][:length]
		s.batch.stampOne(message, w.position, seq, due, now)
		d.TX.SetLen(i, d.added+length)
		d.TX.Offer(i)
		seq += s.batch.segments
		n++
	}
	err := s.show(d)
	if now := s.now(); err == nil && now-d.checked > checkEvery {
		d.checked = now
		s.counts.Calls++
		err = d.Check()
	}
	if s.driverError == nil {
		s.driverError = err
	}
	s.counts.Calls-- // hand counts one
	if n < len(messages) || s.driverError != nil {
		return n, unix.EINTR // hand finds out why
	}
	return n, 0
}

// show publishes what was offered, and kicks the worker if it sleeps.
func (s driverSender) show(d *driver) error {
	d.TX.Publish()
	if !d.TX.KickNeeded() {
		return nil
	}
	s.counts.Calls++
	return d.TX.Kick()
}

// reclaim takes back the buffers that the kernel has used. If the kernel has
// all of them it waits for half: a wake-up for each buffer would be one for
// each step of the worker. It returns false when the trial ends or the driver
// cannot go on.
func (s driverSender) reclaim(d *driver) bool {
	for {
		for range d.TX.Pending() {
			i, _ := d.TX.Reap()
			if i < 0 {
				s.driverError = errors.New("vhost broke the virtio protocol")
				return false
			}
			d.free = append(d.free, i)
		}
		if len(d.free) > 0 {
			return true
		}
		if s.control.Stop.Load() {
			return false
		}
		err := s.show(d)
		if err == nil && d.TX.Arm(d.TX.Entries()/2) {
			s.counts.Calls++
			var called bool
			if called, err = d.TX.Wait(pollTimeout); err == nil && !called {
				err = d.Check()
			}
		}
		if err != nil {
			s.driverError = err
			return false
		}
	}
}

// settle waits at the end until the kernel has taken all packets.
func (s driverSender) settle() error {
	deadline := s.now() + int64(settleTimeout)
	for _, d := range s.drivers {
		for !d.TX.Idle() {
			if s.now() > deadline {
				return fmt.Errorf("vhost-net still has %d packets %v after the last was given to it", d.TX.Held(), settleTimeout)
			}
			if d.TX.Arm(d.TX.Pending() + d.TX.Held()) {
				if _, err := d.TX.Wait(1); err != nil {
					return err
				}
			}
		}
		if err := d.Check(); err != nil {
			return err
		}
	}
	return nil
}
