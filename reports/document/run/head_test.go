package run

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

func TestResults(t *testing.T) {
	said := func(trials ...record.Trial) string {
		list, _ := figure.Scenarios(fixture.FileOf(trials...))
		var lines []string
		for _, p := range results(list) {
			lines = append(lines, p.String())
		}
		return strings.Join(lines, "\n")
	}
	many := func(sizes ...int) (trials []record.Trial) {
		for _, size := range sizes {
			trials = append(trials, fixture.Plain(1, size))
		}
		return trials
	}
	tcp, requests, open := fixture.Plain(1, 64), fixture.Plain(1, 64), fixture.Plain(1, 64)
	tcp.Metrics[record.GoodputBitPerS] = 7e9
	requests.Metrics[record.TPS] = 12_000
	open.Axes["load"] = "1000pps"
	open.Latency = map[string]record.Latency{record.E2E: {Buckets: record.Buckets{{20_000, 1000}}, MinNs: 20_000, MaxNs: 20_000}}
	brief := fixture.Plain(1, 64)
	brief.DurationNs = 1000
	const name = "dir=k2u gen=udp queues=1 size=64: "
	for _, c := range []struct {
		name   string
		trials []record.Trial
		want   string
	}{
		{"one trial", many(64), name + "64.0 kpps (one trial), 8.00 Gbit/s."},
		{"a range", []record.Trial{fixture.Plain(1, 64), fixture.Plain(2, 64)}, name + "64.0 kpps (min–max 64.0 of 2 trials), 8.00 Gbit/s."},
		{"four", many(64, 128, 256, 512), "size=64: 64.0 kpps (one trial), 8.00 Gbit/s.\nsize=128: 128 kpps (one trial), 8.00 Gbit/s.\n" +
			"size=256: 256 kpps (one trial), 8.00 Gbit/s.\nsize=512: 512 kpps (one trial), 8.00 Gbit/s."},
		{"five", many(64, 128, 256, 512, 900), "Packet rate of 5 TUN scenarios: from 64.0 kpps (one trial) with size=64 to 900 kpps (one trial) with size=900."},
		{"streams", []record.Trial{tcp}, name + "TCP goodput 7.00 Gbit/s (one trial)."},
		{"transactions", []record.Trial{requests}, name + "12,000 transactions/s (one trial)."},
		{"open loop", []record.Trial{open}, name + "end-to-end latency 20.0 µs at p99, 20.0 µs at p50."},
		{"invalid", []record.Trial{fixture.Plain(1, 64, record.FlagSteal)}, ""},
		{"too short", []record.Trial{brief}, ""},
	} {
		if got := said(c.trials...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestCorruptIsShown: by what was wrong, in the sum of the packets and in the sentence on
// what was verified; of right packets only that they were.
func TestCorruptIsShown(t *testing.T) {
	wrong := fixture.Plain(1, 64, record.FlagCorrupt)
	wrong.Accounting.Delivered, wrong.Accounting.Verified = 7, 6
	wrong.Accounting.Corrupt = map[string]uint64{"ip-length": 1, "udp-checksum": 2}
	right := fixture.Plain(1, 64)
	right.Accounting.Verified = 10
	for _, c := range []struct {
		trial record.Trial
		want  []string
		never string
	}{
		{wrong, []string{"3 corrupt", "checksums of 6 packets", "wrong were udp-checksum of 2, ip-length of 1"}, "all were right"},
		{right, []string{"checksums of 10 packets", "all were right"}, "corrupt"},
	} {
		list, _ := figure.Scenarios(fixture.FileOf(c.trial))
		sec, _ := accounting(list)
		said := fmt.Sprint(sec.Blocks)
		for _, want := range c.want {
			if !strings.Contains(strings.ReplaceAll(said, "*", ""), want) || strings.Contains(said, c.never) {
				t.Errorf("%q, want %q and not %q", said, want, c.never)
			}
		}
	}
}

// The note below the findings is right for each number of them.
func TestFindingsNote(t *testing.T) {
	for _, c := range []struct {
		n, of           int
		twice, commands bool
		want            string
	}{
		{1, 1, false, false, "This is the only ratio between scenarios that compares like with like, with its 95 % interval: of twenty such intervals, about one does not contain the true ratio. The section Scenarios that differ in one respect has the charts and tables, and tunbench ab gives a verdict on it."},
		{1, 2, false, false, "1 finding from 2 ratios that compare like with like: of each respect in which scenarios differ, the ratio whose interval stays farthest from 1, less the width of the interval. Other ratios of the same respect may be larger than the finding of another one. In brackets: the 95 % interval: of twenty"},
		{2, 2, false, false, "These are all 2 ratios between scenarios that compare like with like, each with its 95 % interval: of twenty"},
		{5, 12, true, true, "5 findings from 12 ratios that compare like with like: of each respect in which scenarios differ, at most two ratios whose interval"},
		{5, 5, false, true, "These are all 5 ratios between scenarios that compare like with like, each with its 95 % interval: of twenty such intervals, about one does not contain the true ratio. The section Scenarios that differ in one respect has the charts and tables."},
	} {
		if got := book.Say("findings note", prose.Values{"N": c.n, "Of": c.of, "Twice": c.twice, "Commands": c.commands, "Header": false, "Chart": ""}).String(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%d of %d: %q, want %q", c.n, c.of, got, c.want)
		}
	}
	if got := book.Say("findings note", prose.Values{"N": 1, "Of": 1, "Twice": false, "Commands": false, "Header": true, "Chart": "I/O engines"}).String(); !strings.Contains(got, "The header is the virtio-net header") || !strings.HasSuffix(got, " The chart I/O engines shows the finding.") {
		t.Errorf("%q does not say what a header is, and which chart shows the finding", got)
	}
}
