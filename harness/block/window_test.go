package block

import (
	"testing"
	"time"

	"tunbench/harness/spec"
)

func TestWindow(t *testing.T) {
	base := spec.Spec{Window: 10 * time.Millisecond, Measure: 600 * time.Millisecond, Gen: spec.GenUDP, TxQLen: 500}
	with := func(change func(*spec.Spec)) *spec.Spec {
		s := base
		change(&s)
		return &s
	}
	for s, want := range map[*spec.Spec]time.Duration{
		&base: 10 * time.Millisecond,
		with(func(s *spec.Spec) { s.Gen = spec.GenTCP }):                                            80 * time.Millisecond,
		with(func(s *spec.Spec) { s.Rate = 1000 }):                                                  100 * time.Millisecond,
		with(func(s *spec.Spec) { s.Gen, s.Measure = spec.GenTCP, 200*time.Millisecond }):           200 * time.Millisecond / 6,
		with(func(s *spec.Spec) { s.TxQLen = 10000 }):                                               40 * time.Millisecond,
		with(func(s *spec.Spec) { s.TxQLen, s.Window = 10000, 50*time.Millisecond }):                50 * time.Millisecond,
		with(func(s *spec.Spec) { s.TxQLen, s.Measure = 10000, 120*time.Millisecond }):              20 * time.Millisecond,
		with(func(s *spec.Spec) { s.Window, s.Measure = 50*time.Millisecond, 60*time.Millisecond }): 50 * time.Millisecond,
	} {
		if got := Window(*s); got != want {
			t.Errorf("%+v: %v, want %v", s, got, want)
		}
	}
}
