package device

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// eventShare is the share of the measured time for which an event lasts.
	eventShare = 10
	// settleStep and settleLimit bound the wait for the drops of an event to end.
	settleStep  = 20 * time.Millisecond
	settleLimit = time.Second
)

// The kernel's drop reasons that matter here, by its names.
const notSpecified = "NOT_SPECIFIED"

// Eventful is a load with a device to which an event can happen.
type Eventful interface {
	// Attend makes e known to the owner of the device, and the device and the
	// observer of what it transmits, if there is one, to e.
	Attend(e *Event)
}

// Event is what happens to a device in the middle of the measured time.
//
// No counter of the device shows the packets that the kernel drops because of it:
// neither those that a detached queue held, nor, before Linux 6.11, those sent
// without a carrier. Therefore drops are counted by their reason while the event
// lasts: by the observer of the trial or, in the bare arm, by an observer of the
// event's own, which is attached only for that time.
type Event struct {
	kind     spec.Event
	Device   *Device
	Observer *bpf.Observer
	own      bool          // the observer is the event's
	after    time.Duration // from the start of the measured time
	lasts    time.Duration

	began int64         // start of the measured time, in ns of the trial's clock
	quit  chan struct{} // closed when the event must end
	done  chan struct{} // closed when the event has ended; nil before Begin
	err   error         // of the event, once done is closed

	notes []string
	lost  map[string]uint64 // packets that were dropped meanwhile, by the kernel's reason
	// counted says that the device's own counter includes what the stack refused.
	counted bool
}

// NewEvent prepares the event that s asks for. The caller closes the event, also one
// returned with an error.
func NewEvent(s spec.Spec, where Eventful) (*Event, error) {
	e := &Event{
		kind: s.Event, after: s.Measure / 2, lasts: s.Measure / eventShare,
		quit: make(chan struct{}), lost: map[string]uint64{},
	}
	where.Attend(e)
	if e.Observer == nil {
		e.own = true
		target := e.Device.Target(1)
		target.Direction, target.GSO = bpf.Drops, true
		var err error
		if e.Observer, err = bpf.Open(bpf.Options{Hook: bpf.Tracepoint, Target: target}); err != nil {
			return e, err
		}
		if err := e.rest(); err != nil {
			return e, err
		}
	}
	if !e.Observer.KnowsReasons() {
		return e, &refusal.Unsupported{Detail: fmt.Sprintf("event=%s: what is lost by it is known by the reason of the drop, which this kernel does not tell (Linux 5.17)", s.Event)}
	}
	if e.own && e.kind == spec.EventCarrier {
		var err error
		if e.counted, err = refusedCounted(); err != nil {
			return e, fmt.Errorf("try a device without a carrier: %w", err)
		}
	}
	return e, nil
}

// Begin starts the measured time, in the middle of which the event happens. If it
// fails, its error is sent on failed.
func (e *Event) Begin(failed chan<- error) {
	e.began, e.done = worker.Now(), make(chan struct{})
	happen := map[spec.Event]func() error{spec.EventDetach: e.detach, spec.EventCarrier: e.carrier}[e.kind]
	go func() {
		defer close(e.done)
		if !e.wait(e.after) {
			e.notes = append(e.notes, fmt.Sprintf("event=%s did not happen: the measured time ended before", e.kind))
			return
		}
		if e.err = happen(); e.err != nil {
			select {
			case failed <- e.err:
			default:
			}
		}
	}()
}

// End waits for the end of the event, which it makes come at once; it does nothing
// before Begin.
func (e *Event) End() error {
	if e.done == nil {
		return nil
	}
	select {
	case <-e.quit:
	default:
		close(e.quit)
	}
	<-e.done
	return e.err
}

// Close may be called of an event that could not be prepared, and again.
func (e *Event) Close() error {
	e.End() // its error has been reported
	if e.own && e.Observer != nil {
		return e.Observer.Close()
	}
	return nil
}

// wait waits for d and reports whether that time passed before End was called.
func (e *Event) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-e.quit:
		return false
	}
}

// rest takes the event's own observer away.
func (e *Event) rest() error { return Observers{e.Observer}.Rest() }

// since is the time from the start of the measured time, for notes.
func (e *Event) since() time.Duration {
	return time.Duration(worker.Now() - e.began).Round(100 * time.Microsecond)
}

// watch runs f and adds to lost what is dropped meanwhile.
func (e *Event) watch(f func() error) (err error) {
	if e.own {
		if err := e.Observer.Attach(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, e.rest()) }()
	}
	before, err := e.Observer.Snapshot()
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := e.Observer.Snapshot()
	if err != nil {
		return err
	}
	for reason, n := range after.Drops {
		if n -= before.Drops[reason]; n > 0 {
			e.lost[reason] += n
		}
	}
	return nil
}

// detach takes the last queue out of service for a while. The kernel frees what
// its ring holds before the call returns (tun_queue_purge of drivers/net/tun.c).
func (e *Event) detach() error {
	queues := e.Device.Queues()
	last := queues[len(queues)-1]
	at := e.since()
	// What vhost's worker holds of a queue goes with it.
	driver := e.Device.Drivers[last.FD()]
	err := e.watch(func() error {
		if driver != nil {
			if err := driver.Pause(); err != nil {
				return err
			}
		}
		return last.Detach()
	})
	if err != nil {
		return err
	}
	took := e.since() - at
	e.wait(e.lasts)
	back := e.since()
	if err := last.Attach(); err != nil {
		return err
	}
	if driver != nil {
		if err := driver.Resume(); err != nil {
			return err
		}
	}
	e.notes = append(e.notes, fmt.Sprintf(
		"event=detach: queue %d was detached %v into the measured time, in %v, with %d packets in its ring; it was attached again at %v, in %v",
		len(queues)-1, at, took, e.lost[notSpecified], back, e.since()-back))
	return nil
}

// carrier takes the carrier away for a while. The stack may notice it up to a second
// later (net/core/link_watch.c); since Linux 6.9 it notices when the state of the
// link is read.
func (e *Event) carrier() error {
	var off, on time.Duration
	err := e.watch(func() error {
		off = e.since()
		if err := e.set(false); err != nil {
			return err
		}
		e.wait(e.lasts)
		on = e.since()
		if err := e.set(true); err != nil {
			return err
		}
		return e.settle()
	})
	if err != nil {
		return err
	}
	cost := fmt.Sprintf("the stack refused %s meanwhile", record.Plural(e.refused(), "packet", "packets"))
	if e.refused() == 0 {
		cost = "the stack took no note of it and refused nothing"
	}
	e.notes = append(e.notes, fmt.Sprintf("event=carrier: there was none from %v to %v of the measured time; %s", off, on, cost))
	return nil
}

func (e *Event) set(carrier bool) error {
	if err := e.Device.SetCarrier(carrier); err != nil {
		return err
	}
	_, err := e.Device.NS.Device(e.Device.Name())
	return err
}

// settle waits until the stack uses the device again: until no more packets are
// dropped before they reach it.
func (e *Event) settle() error {
	deadline := time.Now().Add(settleLimit)
	for last := ^uint64(0); time.Now().Before(deadline); time.Sleep(settleStep) {
		s, err := e.Observer.Snapshot()
		if err != nil {
			return err
		}
		if now := beforeDevice(s.Drops); now == last {
			return nil
		} else {
			last = now
		}
	}
	return nil
}

// refused is how many packets the stack dropped for want of a carrier.
func (e *Event) refused() uint64 {
	if e.kind != spec.EventCarrier {
		return 0
	}
	return beforeDevice(e.lost)
}

// Explains reports whether the event accounts for the difference between the packets
// that were accepted and those that reached the device, of which the qdisc dropped some: what
// the stack refused for the event is among those. What a detached queue held may have been in
// its ring or in its qdisc.
func (e *Event) Explains(accepted, qdisc, xmit uint64) bool {
	if e == nil {
		return accepted == xmit+qdisc
	}
	missing := int64(accepted) - int64(max(qdisc, e.refused())) - int64(xmit)
	if e.kind == spec.EventDetach {
		return missing >= 0 && missing <= int64(e.lost[notSpecified])
	}
	return missing == 0
}

// Tell adds a note about the event. e may be nil.
func (e *Event) Tell(t *record.Trial) {
	if e != nil {
		t.Notes = append(t.Notes, e.notes...)
	}
}

// Account gives what was lost its reason. The record has the drops of the device;
// perMessage is how many wire segments a message of the senders carries, and perSKB
// how many an skb of the device. e may be nil.
func (e *Event) Account(t *record.Trial, perMessage, perSKB uint64) {
	if e == nil {
		return
	}
	dropped := t.Accounting.Dropped
	move := func(from, to string, n uint64) {
		if dropped[from] -= n; dropped[from] == 0 {
			delete(dropped, from)
		}
		dropped[to] += n
	}
	switch {
	case e.kind == spec.EventDetach && e.lost[notSpecified] > 0 && e.own:
		dropped[record.Detached] += e.lost[notSpecified]
	case e.kind == spec.EventDetach && e.lost[notSpecified] > 0:
		move(notSpecified, record.Detached, e.lost[notSpecified])
	case e.kind == spec.EventCarrier && e.own && e.refused() > 0:
		if e.counted { // by skbs, which were not cut yet
			if dropped[record.TxDropped] -= e.refused() / perMessage * perSKB; dropped[record.TxDropped] == 0 {
				delete(dropped, record.TxDropped)
			}
		}
		for reason, n := range e.lost {
			if !slices.Contains(reasonsOfTun, reason) {
				dropped[reason] += n
			}
		}
	}
}

// refusedCounted reports whether a device of this kernel counts what the stack
// refuses for want of a carrier, as since Linux 6.11 (noop_enqueue of
// net/sched/sch_generic.c). It is tried, once.
var refusedCounted = sync.OnceValues(func() (counted bool, err error) {
	ns, err := netns.New()
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	s := spec.Default()
	s.IO = spec.IOPoll
	d, err := New(ns, Name, s, LinkOf(s))
	defer func() { err = errors.Join(err, d.Close()) }()
	if err != nil {
		return false, err
	}
	fd := -1
	err = ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(fd)
	if err := d.SetCarrier(false); err != nil {
		return false, err
	}
	// What the stack has not refused comes out of the device.
	buf := make([]byte, spec.DefaultMTU)
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(settleStep) {
		before, err := d.Counters() // which makes the stack take note, where it can
		if err != nil {
			return false, err
		}
		if err := unix.Sendto(fd, buf[:1], 0, &unix.SockaddrInet4{Port: 9, Addr: PeerAddr4.As4()}); err != nil {
			return false, fmt.Errorf("send without a carrier: %w", err)
		}
		if _, err := unix.Read(d.Queues()[0].FD(), buf); err == nil {
			continue
		}
		after, err := d.Counters()
		return after.TxDropped > before.TxDropped, err
	}
	return false, nil
})
