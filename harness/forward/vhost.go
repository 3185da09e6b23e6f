package forward

import (
	"errors"
	"fmt"

	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Vhost are the vhost-net devices of a forwarder that is a virtual machine's
// driver of both: it transmits by one what it receives from the other.
type Vhost struct{ From, To *vhost.Device }

// vhostBatch is how many packets are moved before the workers are notified.
const vhostBatch = 64

// vhostForwarder is a Forwarder between two virtqueues.
type vhostForwarder struct{ *Forwarder }

// loop is a hot loop: it does not allocate.
func (c vhostForwarder) loop() error {
	defer c.publish()
	from, to := c.Vhost.From.RX, c.Vhost.To.TX
	free := make([]int, to.Entries())
	for i := range free {
		free[i] = i
	}
	added := uint64(c.Vhost.From.Added())
	for {
		worker.Turn()
		finish := c.finish.Load()
		for range to.Pending() {
			i, _ := to.Reap()
			if i < 0 {
				return c.broken()
			}
			free = append(free, i)
		}
		n := min(from.Pending(), len(free), vhostBatch)
		for range n {
			i, length := from.Reap()
			if i < 0 {
				return c.broken()
			}
			j := free[len(free)-1]
			free = free[:len(free)-1]
			copy(to.Buffer(j), from.Buffer(i)[:length])
			to.SetLen(j, length)
			to.Offer(j)
			from.Offer(i)
			c.In++
			c.Out++
			c.Bytes += uint64(length) - added
		}
		var err error
		switch {
		case n > 0:
			err = errors.Join(c.show(to), c.show(from))
		case from.Pending() > 0: // and no buffer is free
			err = c.awaitDriver(to, to.Entries()/2)
		default:
			c.publish()
			if finish && to.Idle() {
				empty, err := c.Vhost.From.Empty()
				if empty || err != nil {
					return err
				}
			}
			c.barrier.Pass()
			err = c.awaitDriver(from, 1)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
}

func (c vhostForwarder) broken() error {
	return fmt.Errorf("%s: vhost broke the virtio protocol", c.Name)
}

// show publishes what was offered, and kicks the worker if it sleeps.
func (c vhostForwarder) show(q *vhost.Queue) error {
	q.Publish()
	if !q.KickNeeded() {
		return nil
	}
	c.Counts.Calls++
	return q.Kick()
}

// awaitDriver returns when the worker has used so many buffers, or after a
// timeout. The timeout is short while the forwarder is to finish, so that it
// checks both queues.
func (c vhostForwarder) awaitDriver(q *vhost.Queue, used int) error {
	timeout := pollTimeout
	if c.finish.Load() {
		timeout = 1
	}
	if !q.Arm(used) {
		return nil
	}
	c.Counts.Calls++
	called, err := q.Wait(timeout)
	if called || err != nil {
		return err
	}
	return errors.Join(c.Vhost.From.Check(), c.Vhost.To.Check())
}
