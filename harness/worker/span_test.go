package worker

import "testing"

func TestSpan(t *testing.T) {
	var s Span
	holds := func(when string, want map[int64]bool) {
		t.Helper()
		for at, want := range want {
			if got := s.Holds(at); got != want {
				t.Errorf("%s: holds %d: %v, want %v", when, at, got, want)
			}
		}
	}
	holds("before it begins", map[int64]bool{0: false, 1: false, 1 << 62: false})
	s.Begin(10)
	holds("begun", map[int64]bool{9: false, 10: true, 1 << 62: true})
	s.End(20)
	holds("ended", map[int64]bool{9: false, 10: true, 19: true, 20: false})
	s.Begin(30)
	holds("begun again", map[int64]bool{15: false, 29: false, 30: true})
}
