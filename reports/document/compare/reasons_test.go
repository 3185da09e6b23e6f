package compare

import (
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// What a verdict is against, how it was judged and which pairs do not count is not why there
// is no verdict.
func TestReasons(t *testing.T) {
	const why = "the trials show neither a change nor equivalence"
	s := &Text{Comparison: &verdict.Comparison{}}
	s.Verdicts = []record.Verdict{
		{Verdict: record.Inconclusive, Notes: []string{why, verdict.Against("hook=none with hook=tracepoint"), verdict.ByRatio}},
		{Verdict: record.Inconclusive, Notes: []string{verdict.Spoilt(2, 10, "steal in 2"), why}},
		{Verdict: record.Equivalent, Notes: []string{verdict.Against("Tun/dir=k2u")}},
	}
	if got := s.Reasons(record.Inconclusive); len(got) != 1 || got[0].Note != why || got[0].N != 2 {
		t.Errorf("reasons %+v, want %q of 2 verdicts", got, why)
	}
}
