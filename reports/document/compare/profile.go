package compare

import (
	"tunbench/reports/document"
	"tunbench/reports/document/profile"
)

// profiles shows where the differences are, if both sides were profiled.
func profiles(s *Text) (document.Section, bool) {
	var pairs []profile.Pair
	for _, p := range s.Profiles {
		pairs = append(pairs, profile.Pair{Name: s.Name(p.New.Scenario), Base: p.Base, New: p.New, Paired: s.Paired})
	}
	return profile.Between(pairs)
}
