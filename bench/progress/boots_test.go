package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

func TestBoots(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(1000, 0)
	run := func(quiet bool) string {
		stderr.Reset()
		b := NewBoots(&stderr, quiet, false, 2, Work{Trials: 8, OfArm: 2, Arms: 2}, Work{Trials: 4, OfArm: 2, Arms: 1})
		b.now = func() time.Time { return now }
		for boot := 1; boot <= 2; boot++ {
			b.Start(boot, "6.12", ", number 1 of 1")
			b.Record(record.KindRun, "")
			for range 3 {
				now = now.Add(10 * time.Second)
				b.Record(record.KindTrial, "bare")
			}
			now = now.Add(10 * time.Second)
			b.Record(record.KindSkip, "")         // of both arms
			b.Record(record.KindSkip, "observed") // of one
			now = now.Add(20 * time.Second)
			b.Record(record.KindTrial, "bare")
			b.End()
		}
		return stderr.String()
	}
	const want = `boot 1/2: 6.12, number 1 of 1
boot 1/2: 6.12: 2 of 12 trials, about 3m40s left
boot 1/2: 6.12: 7 of 12 trials, about 1m37s left
boot 1/2: 6.12: 10 of 12 trials, about 1m24s left
boot 1/2: 6.12 took 1m00s, about 1m00s left
boot 2/2: 6.12, number 1 of 1
boot 2/2: 6.12: 2 of 12 trials, about 57s left
boot 2/2: 6.12: 7 of 12 trials, about 26s left
boot 2/2: 6.12: 10 of 12 trials, about 11s left
boot 2/2: 6.12 took 1m00s
`
	if got := run(false); got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	if got := run(true); got != "" {
		t.Errorf("quiet: %q", got)
	}
}

// Of work that is not known beforehand, what is finished is counted.
func TestBootsOfUnknownWork(t *testing.T) {
	var stderr bytes.Buffer
	now := time.Unix(1000, 0)
	b := NewBoots(&stderr, false, false, 1)
	b.now = func() time.Time { return now }
	b.Start(1, "6.12", "")
	for range 2 {
		now = now.Add(betweenLines)
		b.Record(record.KindTrial, "bare")
	}
	const want = "boot 1/1: 6.12\nboot 1/1: 6.12: 1 trial\nboot 1/1: 6.12: 2 trials\n"
	if got := stderr.String(); got != want {
		t.Errorf("(-want +got):\n%s", cmp.Diff(want, got))
	}
}
