package stream

// send is the hot loop of who sends: it allocates nothing. Of several streams
// those that have room are served in turn, a buffer each.
func (s *Side) send() error {
	flags := s.flags()
	for s.goesOn() {
		if s.single() {
			if err := s.sendOn(s.conns[0], flags); err != nil {
				return err
			}
			continue
		}
		n, err := s.poll()
		if err != nil {
			return err
		}
		for _, event := range s.events[:n] {
			if err := s.sendOn(s.conns[event.Fd], flags); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Side) sendOn(c *Conn, flags uintptr) error {
	n, err := s.write(c, s.buf, flags)
	s.counts.Bytes += uint64(n)
	s.publish()
	return err
}

// goesOn waits at the gate and then tells whether there is more to send.
func (s *Side) goesOn() bool {
	s.control.Gate.Pass()
	return !s.control.Stop.Load()
}

// receive is the hot loop of who receives: it allocates nothing.
func (s *Side) receive() error {
	flags := s.flags()
	for {
		n, err := 1, error(nil)
		if !s.single() {
			if n, err = s.poll(); err != nil {
				return err
			}
		}
		got := 0
		for i := range n {
			c := s.conns[0]
			if !s.single() {
				c = s.conns[s.events[i].Fd]
			}
			read, err := s.read(c, s.buf, flags)
			if err != nil {
				return err
			}
			got += read
		}
		s.counts.Bytes += uint64(got)
		s.publish()
		if got == 0 && s.control.Done.Load() {
			return nil
		}
	}
}
