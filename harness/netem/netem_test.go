package netem

import (
	"maps"
	"testing"

	"tunbench/harness/netns"
	"tunbench/reports/record"
)

func TestLinkDrops(t *testing.T) {
	c := Counts{{Dropped: 3}, {Dropped: 5, Full: 7}}
	drops := map[string]uint64{record.LinkDrop: 1}
	c.Drops(1, 2, drops)
	if want := map[string]uint64{record.LinkDrop: 11, record.LinkFull: 14}; !maps.Equal(drops, want) {
		t.Errorf("%v, want %v", drops, want)
	}
	if c.Lost(0) != 3 || c.Lost(1) != 12 {
		t.Errorf("lost %d and %d", c.Lost(0), c.Lost(1))
	}
}

// A perfect link is nil, and does nothing.
func TestPerfectLink(t *testing.T) {
	var l *Link
	var trial record.Trial
	l.Describe(&trial, Counts{netns.NetemCounts{Passed: 1}})
	waiting, err := l.Waiting()
	if waiting || err != nil || l.Begin() != nil || trial.Link != nil {
		t.Errorf("%v %v %+v", waiting, err, trial.Link)
	}
}
