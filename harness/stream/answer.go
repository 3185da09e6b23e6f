package stream

// answerer is a End that sends requests back.
type answerer struct{ *End }

// loop is a hot loop: it does not allocate.
func (s answerer) loop() error {
	flags := s.flags()
	for {
		n, err := s.await()
		if err != nil {
			return err
		}
		heard := 0
		for i := range n {
			c := s.at(i)
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

// reply reads a request as far as it has come, and sends it back when it is
// complete.
func (s answerer) reply(c *Conn, flags uintptr) (int, error) {
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
		sent, err := s.sendMessage(c)
		if sent || err != nil {
			return n, err
		}
		if s.ends() {
			return n, nil
		}
	}
}
