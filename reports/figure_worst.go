package reports

import (
	"cmp"
	"slices"

	"tunbench/reports/record"
)

// worstMeans tells the order of worstFirst.
const worstMeans = "invalid, then flagged, then open loads that lost packets, then the most loss, then the lowest rate"

// worstFirst orders scenarios for who has just measured them, by how much each
// wants a look: figures that must not be used, then those to be read with care;
// loss where the load should have been carried; then where the reader was the
// slowest against the sender.
func worstFirst(list []*scenario) []*scenario {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *scenario) int {
		for _, key := range []func(*scenario) float64{invalidShare, flaggedShare, openLoss, medianLoss} {
			if c := cmp.Compare(key(b), key(a)); c != 0 {
				return c
			}
		}
		return cmp.Compare(medianRate(a), medianRate(b))
	})
	return list
}

// invalidShare is that of the headline's trials.
func invalidShare(s *scenario) float64 { return share(s.head(), (*record.Trial).Invalid) }

func flaggedShare(s *scenario) float64 {
	return share(s.head(), func(t *record.Trial) bool { return len(t.Flags) > 0 })
}

// openLoss is 0 for a closed loop, whose sender is as fast as it can be.
func openLoss(s *scenario) float64 {
	if !slices.ContainsFunc(s.head().all, func(t *record.Trial) bool { return t.Schedule != nil }) {
		return 0
	}
	return medianLoss(s)
}

func medianLoss(s *scenario) float64 {
	m, _ := s.head().metric(record.Loss)
	return m.Median
}

func medianRate(s *scenario) float64 {
	m, _ := s.head().metric(record.PPS)
	return m.Median
}
