package traffic

import (
	"time"

	"tunbench/harness/worker"
)

const (
	// A gap longer than sleepAbove is slept through, but for its end: a timer
	// fires late, on a virtual machine by some hundred microseconds at times.
	sleepAbove = 5 * time.Millisecond
	wakeEarly  = 2 * time.Millisecond
	// sleepMost bounds how long a sender does not look at Control.Stop.
	sleepMost = 50 * time.Millisecond
)

// pacer is a Sender whose packets are due at times of their own.
type pacer struct{ *Sender }

// loop is the hot loop of an open loop: it waits for the next message to be
// due and sends it, with whatever else is due by then. It never skips a
// message, however far it is behind. It does not allocate.
func (s pacer) loop() error {
	s.schedule.start = s.control.Start
	for s.more() {
		now, ok := s.await()
		if !ok {
			break
		}
		if err := s.sendDue(now); err != nil {
			return err
		}
		s.publish()
	}
	s.overdue()
	s.publish()
	return nil
}

// await returns the time as soon as the next message is due, or false if the
// sender is to stop before.
func (s pacer) await() (now int64, ok bool) {
	for {
		due := s.schedule.due()
		if now = s.now(); now >= due {
			return now, true
		}
		worker.Turn()
		if s.control.Stop.Load() {
			return now, false
		}
		s.schedule.start += s.control.Barrier.Pass()
		if gap := time.Duration(due - now); gap > sleepAbove {
			s.sleep(min(gap-wakeEarly, sleepMost))
		}
	}
}

// sendDue sends the messages that are due by now: one if the schedule is kept,
// else as many as one call takes, all of the next flow. The calls cycle through
// the messages of the batch, which preserves a mix of sizes.
func (s pacer) sendDue(now int64) error {
	position := s.turn()
	seq := s.seqs[position]
	first := s.message
	end := first
	for end < s.batch.messages() {
		due := s.schedule.due()
		if due > now {
			break
		}
		if s.writes != nil && s.writes.each {
			s.writes.due[end] = due
		} else {
			s.batch.stampOne(end, position, seq, due, now)
		}
		if s.control.Measured.Holds(due) {
			s.kept.record(now - due)
		}
		seq += s.batch.segments
		end++
		s.schedule.advance()
	}
	s.message = end % s.batch.messages()
	return s.hand(position, first, end, now)
}

// overdue counts the messages that were due in the measured time and are not
// sent at the end: they are at least that late.
func (s pacer) overdue() {
	if !s.control.Stop.Load() {
		return // it sent all that it should
	}
	now := s.now()
	for due := s.schedule.due(); due <= now; due = s.schedule.due() {
		if s.control.Measured.Holds(due) {
			s.kept.record(now - due)
		}
		s.schedule.advance()
	}
}
