package sink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Vhost drives one queue as the virtio driver of a virtual machine does: the
// kernel's vhost-net puts the packets into its buffers. It waits for the
// worker's call. Config.Wait has no meaning; Config.VnetHdr is the device's.
type Vhost struct {
	Reader
	Device              *vhost.Device
	vnet                int // bytes of the header that vhost adds
	pinError, timeError error
}

// Receive buffers of a Vhost: as many as QEMU has by default, and as many as
// fit into some megabytes where each holds a GSO packet.
const (
	vhostEntries = 256
	vhostBytes   = 4 << 20
)

// VhostBuffers are the buffers for packets of up to size bytes, link header
// included.
func VhostBuffers(size int) vhost.Buffers {
	entries := vhostEntries
	for entries*size > vhostBytes && entries > 16 {
		entries /= 2
	}
	return vhost.Buffers{Entries: entries, Size: size}
}

// NewVhost prepares a reader of d, which Close closes.
func NewVhost(c Config, d *vhost.Device, control *Control) *Vhost {
	v := &Vhost{Device: d, vnet: d.Added()}
	c.VnetHdr = d.HeaderLen()
	v.Config = c
	v.prepare(c.Flows, c.Open, control)
	v.every = c.Every
	return v
}

// Start begins to receive on a thread of its own, with the kernel's worker on
// the same CPU if that is permitted: the two take turns.
func (v *Vhost) Start() (err error) {
	v.pinError = v.Device.Pin(v.CPU)
	_, v.timeError = v.VhostTime()
	if v.thread, err = worker.Start(v.CPU, v.loop); err != nil {
		return fmt.Errorf("start the virtio driver of queue %d: %w", v.Queue, err)
	}
	return nil
}

// Finish makes the reader end as soon as neither the device nor the worker has
// anything left. Control.Drain must have been set.
func (v *Vhost) Finish() error { return v.Device.RX.Wake() }

// Close ends the vhost device, unless the reader still uses its memory.
func (v *Vhost) Close() error {
	if v.thread != nil {
		select {
		case <-v.thread.Done():
		default:
			return fmt.Errorf("the virtio driver of queue %d has not ended", v.Queue)
		}
	}
	return v.Device.Close()
}

// VhostTime is the CPU time in ns of the worker, which is part of the cost of
// the packets.
func (v *Vhost) VhostTime() (int64, error) { return v.Device.WorkerTime() }

// VhostWorkers returns, since Start, why the worker is not on the reader's CPU,
// and why its CPU time is not known.
func (v *Vhost) VhostWorkers() (has bool, pin, time error) { return true, v.pinError, v.timeError }

// loop is the hot loop: it does not allocate. It takes what there is, up to
// refillEvery packets, and gives the buffers back.
func (v *Vhost) loop() error {
	const refillEvery = 64
	defer v.publish()
	ring := v.Device.RX.Ring
	for {
		worker.Turn()
		drain := v.control.Drain.Load()
		n := min(ring.Pending(), refillEvery)
		for range n {
			i, length := ring.Reap()
			if i < 0 || length < v.VnetHdr {
				return fmt.Errorf("receive from queue %d: vhost broke the virtio protocol", v.Queue)
			}
			now := worker.Now()
			v.Reads++
			v.ReadBytes += uint64(length - v.vnet)
			v.take(ring.Buffer(i)[:length], now)
			ring.Offer(i)
			if v.Reads%publishEvery == 0 || now-v.publishedAt > publishWithin {
				v.publishedAt = now
				v.publish()
			}
			v.pause(now)
		}
		if n > 0 {
			ring.Publish()
			if ring.KickNeeded() {
				v.Calls++
				if err := v.Device.RX.Kick(); err != nil {
					return v.failed("kick", err)
				}
			}
			continue
		}
		v.publish()
		if drain {
			empty, err := v.Device.Empty()
			if err != nil {
				return v.failed("drain", err)
			}
			if empty {
				return nil
			}
		}
		v.control.Barrier.Pass()
		if err := v.wait(); err != nil {
			return err
		}
	}
}

// wait returns when there may be something to receive.
func (v *Vhost) wait() error {
	if !v.Device.RX.Arm(1) {
		return nil
	}
	v.Calls++
	called, err := v.Device.RX.Wait(pollTimeout)
	if err == nil && !called {
		// Packets have stopped, and vhost does not report a device that no longer exists.
		err = v.Device.Check()
	}
	if err != nil {
		return v.failed("wait for", err)
	}
	return nil
}

func (v *Vhost) failed(what string, err error) error {
	var refused *call.Error
	if errors.As(err, &refused) && refused.Err == unix.EBADFD {
		return fmt.Errorf("read queue %d: %w", v.Queue, refused.Err)
	}
	return fmt.Errorf("%s queue %d: %w", what, v.Queue, err)
}
