package reports

import (
	"slices"

	"tunbench/reports/record"
)

// sortedSearches gives the searches of f in the order of their scenarios.
func sortedSearches(f *record.File) []record.Search {
	return slices.SortedStableFunc(slices.Values(f.Searches), func(a, b record.Search) int { return compareNames(a.Scenario, b.Scenario) })
}

// searchScale is the unit for all rates that searches found.
func searchScale(searches []record.Search) scale {
	top := 0.0
	for _, s := range searches {
		for _, g := range s.Goals {
			for _, v := range []*float64{g.LowerPPS, g.UpperPPS} {
				if v != nil {
					top = max(top, *v)
				}
			}
		}
	}
	return rateScale(top)
}
