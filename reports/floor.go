package reports

import (
	"maps"

	"tunbench/reports/record"
)

// onFloor gives t without its ratio to the floor where that is impossible: the
// floor is, or the ratio is below 1.
func onFloor(t *record.Trial, floor record.Floor) *record.Trial {
	ratio, ok := t.Metrics[record.FloorRatio]
	if !ok || ratio >= 1 && floor.Fault() == "" {
		return t
	}
	without := *t
	without.Metrics = maps.Clone(t.Metrics)
	delete(without.Metrics, record.FloorRatio)
	return &without
}

// floorFaults tells what is impossible about the floors of a run; nothing where
// all can be.
func floorFaults(r *record.Run) (faults []string) {
	runs := []*record.Run{r}
	if len(r.Parts) > 0 {
		runs = nil
		for i := range r.Parts {
			runs = append(runs, &r.Parts[i].Run)
		}
	}
	for _, r := range runs {
		if fault := r.Floor.Fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	return faults
}

// belowFloor reports whether some trial of f has a ratio below 1 that is not
// shown, although its floor can be.
func belowFloor(f *record.File) bool {
	for i := range f.Trials {
		t := &f.Trials[i]
		if ratio, ok := t.Metrics[record.FloorRatio]; ok && ratio < 1 && f.Header(t.Shard).Floor.Fault() == "" {
			return true
		}
	}
	return false
}
