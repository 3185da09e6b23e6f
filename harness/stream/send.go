package stream

// sender is a End that writes streams.
type sender struct{ *End }

// loop is a hot loop: it does not allocate. Of several streams those that have
// room are served in turn, a buffer each.
func (s sender) loop() error {
	flags := s.flags()
	for s.more() {
		n, err := s.await()
		if err != nil {
			return err
		}
		for i := range n {
			if err := s.sendOn(s.at(i), flags); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s sender) sendOn(c *Conn, flags uintptr) error {
	n, err := s.write(c, s.buf, flags)
	s.counts.Bytes += uint64(n)
	s.publish()
	return err
}

// more waits at the barrier and then reports whether to send more.
func (s sender) more() bool {
	s.control.Barrier.Pass()
	return !s.control.Stop.Load()
}
