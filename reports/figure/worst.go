package figure

import (
	"cmp"
	"slices"

	"tunbench/reports/record"
)

// WorstFirst orders scenarios by how much they need attention: by the share of invalid
// trials, then of flagged trials, then by the loss in an open loop, then by the loss,
// and last by the packet rate.
func WorstFirst(list []*Scenario) []*Scenario {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *Scenario) int {
		for _, key := range []func(*Scenario) float64{InvalidShare, FlaggedShare, openLoss, medianLoss} {
			if c := cmp.Compare(key(b), key(a)); c != 0 {
				return c
			}
		}
		return cmp.Compare(medianRate(a), medianRate(b))
	})
	return list
}

// InvalidShare is the share of the headline's trials that are invalid.
func InvalidShare(s *Scenario) float64 { return share(s.Head(), (*record.Trial).Invalid) }

func FlaggedShare(s *Scenario) float64 {
	return share(s.Head(), func(t *record.Trial) bool { return len(Marks(t)) > 0 })
}

// openLoss is the loss in an open loop; 0 in a closed loop, whose sender is as fast as
// possible.
func openLoss(s *Scenario) float64 {
	if !slices.ContainsFunc(s.Head().All, func(t *record.Trial) bool { return t.Schedule != nil }) {
		return 0
	}
	return medianLoss(s)
}

func medianLoss(s *Scenario) float64 {
	m, _ := s.Head().Metric(record.Loss)
	return m.Median
}

func medianRate(s *Scenario) float64 {
	m, _ := s.Head().Metric(record.PPS)
	return m.Median
}
