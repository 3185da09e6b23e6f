package conversation

import (
	"testing"
	"time"

	"tunbench/harness/spec"
)

// TestPlanOfIPerf3: the measured time ends before the streams do, which are seen to flow some
// round trips late, and begins when the program has left out as much.
func TestPlanOfIPerf3(t *testing.T) {
	for name, c := range map[string]struct {
		warmup, measure, delay time.Duration
		omit, seconds          int
		late                   time.Duration // that the streams may be seen
	}{
		"no link":         {time.Second, 2 * time.Second, 0, 1, 2, 0},
		"parts of one":    {300 * time.Millisecond, 1500 * time.Millisecond, 0, 1, 2, 0},
		"no warm-up":      {0, time.Second, 0, 1, 1, 0},
		"a link":          {time.Second, 2 * time.Second, 20 * time.Millisecond, 2, 2, 240 * time.Millisecond},
		"a short warm-up": {100 * time.Millisecond, time.Second, 20 * time.Millisecond, 1, 1, 240 * time.Millisecond},
		"the longest":     {0, time.Second, spec.MaxDelay, 3, 1, 2400 * time.Millisecond},
	} {
		s := spec.Default()
		s.Gen, s.Flows, s.Warmup, s.Measure, s.Delay = spec.GenIPerf3, 4, c.warmup, c.measure, c.delay
		test, planned := planOf(s)
		if test.Omit != c.omit || test.Seconds != c.seconds || test.Streams != 4 {
			t.Errorf("%s: %+v, want %d s after %d s", name, test, c.seconds, c.omit)
		}
		own := time.Duration(test.Omit+test.Seconds) * time.Second
		if planned.Warmup < 0 || planned.Measure != time.Duration(c.seconds)*time.Second {
			t.Errorf("%s: warm-up %v, measure %v", name, planned.Warmup, planned.Measure)
		}
		if left := own - c.late - planned.Warmup - planned.Measure; left < iperfAhead {
			t.Errorf("%s: seen %v late, the measured time ends %v before the streams", name, c.late, left)
		}
	}
}

func TestIPerf3MayTake(t *testing.T) {
	for name, c := range map[string]struct {
		set func(*spec.Spec)
		// A SYN and its answer for each stream, one after the other, and agreements.
		want, most time.Duration
	}{
		"no link":    {func(s *spec.Spec) {}, iperfStarts, iperfStarts},
		"64 streams": {func(s *spec.Spec) { s.Flows, s.Delay = 64, 20*time.Millisecond }, iperfStarts + 64*40*time.Millisecond, 6 * time.Second},
		"both":       {func(s *spec.Spec) { s.Flows, s.Delay, s.Dir = 64, 20*time.Millisecond, spec.Both }, iperfStarts + 128*40*time.Millisecond, 9 * time.Second},
		"losses":     {func(s *spec.Spec) { s.Drop = 0.01 }, iperfStarts + 3*time.Second, iperfStarts + 3*time.Second},
	} {
		s := spec.Default()
		s.Gen = spec.GenIPerf3
		c.set(&s)
		if got := within(s, iperfStarts); got < c.want || got > c.most {
			t.Errorf("%s: %v, want %v to %v", name, got, c.want, c.most)
		}
	}
}
