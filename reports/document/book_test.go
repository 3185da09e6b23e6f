package document

import (
	"strings"
	"testing"

	"tunbench/reports/prose/prosetest"
	"tunbench/reports/record"
)

func TestBook(t *testing.T) { prosetest.Check(t, book) }

// Each flag that makes a trial invalid has advice of its own.
func TestAdvices(t *testing.T) {
	for _, a := range Advices {
		if a.Meaning == AdviceOn("of tomorrow").Meaning || a.Next == "" {
			t.Errorf("%s has no advice of its own", a.Flag)
		}
		invalid := (&record.Trial{Flags: []string{a.Flag}}).Invalid()
		if says := strings.Contains(a.Meaning, "The trial is invalid"); says != invalid {
			t.Errorf("%s: the trial is invalid: %v, its advice says so: %v", a.Flag, invalid, says)
		}
	}
}
