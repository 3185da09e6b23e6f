package path

import (
	"testing"
	"time"
)

func TestSettling(t *testing.T) {
	s := Settling{Quiet: 20 * time.Millisecond}
	if !s.Done(10, 10, 7, 7) {
		t.Error("all are level, and something is on its way")
	}
	if s.Done(12, 10, 7, 7) {
		t.Error("two are on their way, and all is still")
	}
	time.Sleep(30 * time.Millisecond)
	if s.Done(12, 11, 7, 7) {
		t.Error("something moved, and all is still")
	}
	if s.Done(12, 11, 7, 7) {
		t.Error("one is on its way, and is given up at once")
	}
	time.Sleep(30 * time.Millisecond)
	if !s.Done(12, 11, 7, 7) {
		t.Error("what is lost is waited for")
	}
	if !s.Done(20, 19, 8, 8) {
		t.Error("what was lost before is waited for again")
	}
	if s.Done(20, 20, 8, 8) {
		t.Error("what was lost came, and nothing is noticed")
	}
}
