package stream

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"tunbench/harness/worker"
)

// answerWithin is how long who asks over TCP waits for the last answers once it
// is told to stop, in ns.
const answerWithin = 2_000_000_000

// lookEvery is how often requests are looked for that were lost, in ns.
const lookEvery = 50_000_000

// ask is the hot loop of who asks: it allocates nothing. A conversation gets its
// next question as soon as it has its answer.
func (s *Side) ask() error {
	flags := s.flags()
	var stopAt int64
	for {
		if held := s.control.Gate.Pass(); held > 0 {
			for _, c := range s.conns {
				c.untimed = true // its answer may have waited as well
			}
		}
		now := worker.Now()
		if s.UDP && now-s.looked > lookEvery {
			s.giveUp(now)
		}
		switch stop := s.control.Stop.Load(); {
		case !stop && s.waiting < len(s.conns): // at the beginning, and after a loss
			if err := s.questions(); err != nil {
				return err
			}
		case stop && stopAt == 0:
			stopAt = now
		case stop && s.waiting > 0 && now-stopAt > answerWithin:
			return fmt.Errorf("%d questions were not answered within %d s", s.waiting, answerWithin/1_000_000_000)
		}
		// Once nobody answers any more, nothing is to be waited for.
		if stopAt != 0 && (s.waiting == 0 || s.control.Done.Load()) {
			return nil
		}
		n, err := 1, error(nil)
		if !s.single() {
			if n, err = s.poll(); err != nil {
				return err
			}
		}
		for i := range n {
			c := s.conns[0]
			if !s.single() {
				c = s.conns[s.events[i].Fd]
			}
			if err := s.hear(c, flags); err != nil {
				return err
			}
		}
		s.publish()
	}
}

// questions asks on all conversations that wait for no answer.
func (s *Side) questions() error {
	for _, c := range s.conns {
		if !c.waits {
			if err := s.question(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// question sends the next request of a conversation.
func (s *Side) question(c *Conn) error {
	c.number++
	c.got, c.untimed = 0, false
	binary.LittleEndian.PutUint64(s.buf, c.number)
	c.asked = worker.Now()
	sent, err := s.utter(c)
	if err != nil || !sent {
		return err
	}
	c.waits = true
	s.waiting++
	return nil
}

// utter sends one request or answer, of Size bytes in buf. Over TCP it is sent
// whole: it is short, and what was sent before it has been read. A datagram that
// the kernel does not take is tried again in the next turn.
func (s *Side) utter(c *Conn) (bool, error) {
	for done := 0; done < s.Size; {
		n, err := s.write(c, s.buf[done:s.Size], unix.MSG_NOSIGNAL)
		if err != nil {
			return false, err
		}
		if n == 0 && s.UDP {
			s.counts.PushedBack++
			return false, nil
		}
		if n == 0 && s.ends() {
			return false, fmt.Errorf("send on flow %d: no room until the end", c.Flow)
		}
		done += n
	}
	s.counts.Sent++
	return true, nil
}

func (s *Side) ends() bool { return s.control.Stop.Load() || s.control.Done.Load() }

// hear reads what is there of the answer to a request. A late answer over UDP,
// to a request that was given up, is passed over.
func (s *Side) hear(c *Conn, flags uintptr) error {
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
	return s.question(c)
}

// giveUp counts requests as lost whose answer does not come.
func (s *Side) giveUp(now int64) {
	s.looked = now
	for _, c := range s.conns {
		if c.waits && now-c.asked > lostAfter {
			c.waits = false
			s.waiting--
			s.counts.Lost++
		}
	}
}

// Sweep counts what comes late, after the side has ended: answers to requests
// over UDP that were given up.
func (s *Side) Sweep() error {
	for _, c := range s.conns {
		for {
			n, err := s.read(c, s.buf, unix.MSG_DONTWAIT)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			s.counts.Received++
		}
	}
	s.publish()
	return nil
}

// answer is the hot loop of who answers: it allocates nothing.
func (s *Side) answer() error {
	flags := s.flags()
	for {
		n, err := 1, error(nil)
		if !s.single() {
			if n, err = s.poll(); err != nil {
				return err
			}
		}
		heard := 0
		for i := range n {
			c := s.conns[0]
			if !s.single() {
				c = s.conns[s.events[i].Fd]
			}
			got, err := s.reply(c, flags)
			if err != nil {
				return err
			}
			heard += got
		}
		s.publish()
		if heard == 0 && s.control.Done.Load() {
			return nil
		}
	}
}

// reply reads what is there of a request, and sends it back once it is whole.
func (s *Side) reply(c *Conn, flags uintptr) (int, error) {
	n, err := s.read(c, s.buf[:s.Size-c.got], flags)
	if err != nil || n == 0 {
		return 0, err
	}
	if c.got += n; c.got < s.Size && !s.UDP {
		return n, nil
	}
	c.got = 0
	s.counts.Received++
	for {
		sent, err := s.utter(c)
		if sent || err != nil {
			return n, err
		}
		if s.ends() {
			return n, nil
		}
	}
}
