package run

import (
	"slices"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/ladder"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// cellsOf are the cells of a table's row, as they are read.
func cellsOf(sec document.Section, row int) (cells []string) {
	for _, b := range sec.Blocks {
		if t, ok := b.(document.Table); ok {
			for _, cell := range t.Rows[row] {
				cells = append(cells, cell.String())
			}
		}
	}
	return cells
}

func TestLinkSection(t *testing.T) {
	var trials []record.Trial
	for pair := 1; pair <= 2; pair++ {
		lossy := fixture.Plain(pair, 64)
		lossy.Link = &record.Link{DelayNs: 20e6, Drop: 0.01, Limit: 1 << 20, Ends: []record.LinkEnd{{Device: "under0", Passed: 990, Dropped: 10}, {Device: "under1", Passed: 50, Full: 3}}}
		trials = append(trials, lossy)
	}
	list, _ := figure.Scenarios(fixture.FileOf(trials...))
	sec, ok := links(list)
	if !ok {
		t.Fatal("no section")
	}
	for row, want := range [][]string{
		{"under0", "20.0 ms", "1.00", "0", "2,000", "20", "1.00", "1,048,576", "0"},
		{"under1", "20.0 ms", "1.00", "0", "100", "0", "0", "1,048,576", "6"},
	} {
		if got := cellsOf(sec, row)[1:]; !slices.Equal(got, want) {
			t.Errorf("row %d: %q, want %q", row, got, want)
		}
	}
	list, _ = figure.Scenarios(fixture.FileOf(fixture.Plain(1, 64)))
	if _, ok := links(list); ok {
		t.Error("a section on perfect links")
	}
}

func TestProbeSection(t *testing.T) {
	probed := fixture.Plain(1, 64)
	probed.Probe = &record.Probe{Requests: 1000, Received: 900}
	probed.Latency = map[string]record.Latency{
		record.RTTIdle: {Count: 2000, MinNs: 16_384, MaxNs: 16_384, Buckets: record.Buckets{{16_384, 2000}}},
		record.RTTLoad: {Count: 20_000, MinNs: 1 << 20, MaxNs: 1 << 20, Buckets: record.Buckets{{1 << 20, 20_000}}},
	}
	list, _ := figure.Scenarios(fixture.FileOf(probed))
	sec, ok := ladder.Probes(list)
	if !ok {
		t.Fatal("no section")
	}
	// Two thousand samples have no p99.9.
	want := []string{"16.4 µs", "16.4 µs", "–", "1.05 ms", "1.05 ms", "1.05 ms", "64.0", "64.0", "20,000", "10.0"}
	if got := cellsOf(sec, 0)[1:]; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	picture, ok := sec.Blocks[len(sec.Blocks)-1].(document.Picture)
	if !ok || len(picture.Chart.(chart.Ladder).Rows[0].Lanes) != 2 {
		t.Errorf("no chart of both: %+v", picture)
	}
	list, _ = figure.Scenarios(fixture.FileOf(fixture.Plain(1, 64)))
	if _, ok := ladder.Probes(list); ok {
		t.Error("a section without probes")
	}
}
