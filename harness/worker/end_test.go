package worker

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// stubborn is a worker that ends when it has been told so often.
type stubborn struct {
	thread *Thread
	after  int32
	told   atomic.Int32
	refuse error
}

func (s *stubborn) Thread() *Thread { return s.thread }
func (s *stubborn) Finish() error {
	s.told.Add(1)
	return s.refuse
}

func (s *stubborn) start(t *testing.T) *stubborn {
	t.Helper()
	var err error
	s.thread, err = Start(0, func() error {
		for s.told.Load() < s.after {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestEndAll ends workers of which one never ends: all others are told to end, too.
func TestEndAll(t *testing.T) {
	quick, slow, idle := (&stubborn{after: 1}).start(t), (&stubborn{after: 4}).start(t), &stubborn{}
	if err := EndAll([]Named{{"a", quick}, {"b", slow}, {"c", idle}}, 10*time.Second); err != nil {
		t.Error(err)
	}
	if idle.told.Load() != 0 || slow.told.Load() < 4 {
		t.Errorf("one that was not started was told %d times, a slow one %d times", idle.told.Load(), slow.told.Load())
	}
	busy, last := (&stubborn{after: 1 << 30, refuse: errors.New("no descriptor")}).start(t), (&stubborn{after: 1}).start(t)
	err := EndAll([]Named{{"reader 0", busy}, {"reader 1", last}}, 50*time.Millisecond)
	if err == nil || !strings.HasPrefix(err.Error(), "reader 0: still running") || !errors.Is(err, busy.refuse) {
		t.Errorf("one that does not end: %v", err)
	}
	if err := last.thread.Wait(); err != nil || last.told.Load() == 0 {
		t.Errorf("the one behind it was told %d times, %v", last.told.Load(), err)
	}
	busy.told.Store(1 << 30)
	if err := busy.thread.Wait(); err != nil {
		t.Error(err)
	}
}
