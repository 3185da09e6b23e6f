package queue

import (
	"testing"

	"tunbench/reports/prose/prosetest"
)

func TestBook(t *testing.T) { prosetest.Check(t, book) }

// The trials behind a chart are those of its panels, not those of all scenarios.
func TestTrialsOf(t *testing.T) {
	if got := trialsOf([]ownPanel{{trials: 7}, {trials: 7}}); got != "n = 7 trials each" {
		t.Errorf("%q", got)
	}
	if got := trialsOf([]ownPanel{{trials: 7}, {trials: 5}}); got != "n = 5–7 trials each" {
		t.Errorf("%q", got)
	}
}
