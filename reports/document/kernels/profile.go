package kernels

import (
	"tunbench/reports/document"
	"tunbench/reports/document/profile"
	"tunbench/reports/flame"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// profiles shows where kernels differ from the first one, or where the time of a single
// one went. The blocks of all boots count.
func profiles(l Text) (document.Section, bool) {
	if len(l.Kernels) == 1 {
		var list []record.Profile
		for _, scenario := range l.Scenarios {
			if p := flame.Merge(profilesOf(l.Kernels[0], scenario)); p != nil {
				list = append(list, *p)
			}
		}
		return profile.Of(list, l.Name)
	}
	var pairs []profile.Pair
	for _, k := range l.Rest() {
		for _, scenario := range l.Scenarios {
			base, next := flame.Merge(profilesOf(l.Kernels[0], scenario)), flame.Merge(profilesOf(k, scenario))
			if base == nil || next == nil {
				continue
			}
			name := l.Name(scenario)
			if len(l.Kernels) > 2 {
				name += ", " + k.Short
			}
			pairs = append(pairs, profile.Pair{Name: name, Base: base, New: next})
		}
	}
	return profile.Between(pairs)
}

// profilesOf are the profiles of a scenario, one of each boot.
func profilesOf(k *verdict.Kernel, scenario string) (list []*record.Profile) {
	for _, f := range k.Files {
		for i := range f.Profiles {
			if f.Profiles[i].Scenario == scenario {
				list = append(list, &f.Profiles[i])
			}
		}
	}
	return list
}
