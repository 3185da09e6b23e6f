package stream

import (
	"encoding/binary"
	"fmt"
	"time"

	"tunbench/harness/worker"
)

// answerWithin is how long an end that asks over TCP waits for the last answers
// after Stop, in ns.
const answerWithin = 2_000_000_000

// lookEvery is how often the end looks for lost requests, in ns.
const lookEvery = 50_000_000

// asker is a End that sends requests.
type asker struct{ *End }

// loop is a hot loop: it does not allocate. A conversation gets its next question
// as soon as it has its answer.
func (s asker) loop() error {
	flags := s.flags()
	var stopAt int64
	for {
		if held := s.control.Barrier.Pass(); held > 0 {
			for _, c := range s.conns {
				c.untimed = true // its answer may have waited as well
			}
		}
		now := worker.Now()
		if s.UDP && now-s.looked > lookEvery {
			s.expire(now)
		}
		switch stop := s.control.Stop.Load(); {
		case !stop && s.waiting < len(s.conns): // at the beginning, and after a loss
			if err := s.askAll(); err != nil {
				return err
			}
		case stop && stopAt == 0:
			stopAt = now
		case stop && s.waiting > 0 && now-stopAt > answerWithin+int64(s.Late):
			return fmt.Errorf("%d questions were not answered within %v", s.waiting, time.Duration(answerWithin)+s.Late)
		}
		// After Done no answer comes any more.
		if stopAt != 0 && (s.waiting == 0 || s.control.Done.Load()) {
			return nil
		}
		n, err := s.await()
		if err != nil {
			return err
		}
		for i := range n {
			c := s.at(i)
			if err := s.readAnswer(c, flags); err != nil {
				return err
			}
		}
		s.publish()
	}
}

// askAll asks on all conversations that wait for no answer.
func (s asker) askAll() error {
	for _, c := range s.conns {
		if !c.waits {
			if err := s.ask(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// ask sends the next request of a conversation.
func (s asker) ask(c *Conn) error {
	c.number++
	c.got, c.untimed = 0, false
	binary.LittleEndian.PutUint64(s.buf, c.number)
	c.asked = worker.Now()
	sent, err := s.sendMessage(c)
	if err != nil || !sent {
		return err
	}
	c.waits = true
	s.waiting++
	return nil
}

// readAnswer reads the answer to a request as far as it has come. A late answer over
// UDP, to a request that was given up, is ignored.
func (s asker) readAnswer(c *Conn, flags uintptr) error {
	n, err := s.read(c, s.buf[:s.Size-c.got], flags)
	if err != nil || n == 0 {
		return err
	}
	if s.UDP {
		s.counts.Received++
		if n != s.Size || !c.waits || binary.LittleEndian.Uint64(s.buf) != c.number {
			return nil
		}
	}
	if c.got += n; c.got < s.Size {
		return nil
	}
	if !s.UDP {
		s.counts.Received++
	}
	s.counts.Transactions++
	if !c.untimed && s.control.Measured.Holds(c.asked) {
		s.RTT.Record(uint64(worker.Now() - c.asked))
	}
	c.waits = false
	s.waiting--
	if s.control.Stop.Load() {
		return nil
	}
	return s.ask(c)
}

// expire counts requests as lost whose answer has not come in time.
func (s asker) expire(now int64) {
	s.looked = now
	for _, c := range s.conns {
		if c.waits && now-c.asked > lostAfter+int64(s.Late) {
			c.waits = false
			s.waiting--
			s.counts.Lost++
		}
	}
}
