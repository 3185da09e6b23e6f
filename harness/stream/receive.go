package stream

// receiver is a End that reads streams.
type receiver struct{ *End }

// loop is a hot loop: it does not allocate.
func (s receiver) loop() error {
	flags := s.flags()
	for {
		n, err := s.await()
		if err != nil {
			return err
		}
		got := 0
		for i := range n {
			c := s.at(i)
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
