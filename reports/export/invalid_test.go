package export

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
)

// ofAll are the sections that count all trials, valid or not, and say so.
var ofAll = []string{"Packet accounting", "virtio-net headers", "Links that delay, lose or reorder packets"}

// shownBy is all that a report and a summary show, but for what is of all trials.
func shownBy(f *record.File) (sections map[string][]document.Block, details document.Details, summary string) {
	d := run.With(f, run.Options{Full: true})
	sections = map[string][]document.Block{}
	for _, s := range d.Sections {
		if !slices.Contains(ofAll, s.Heading) {
			sections[s.Heading] = append(sections[s.Heading], s.Blocks...)
		}
	}
	return sections, d.Details, string(render.RunSummary(screen.Of(&bytes.Buffer{}), f, true))
}

// unlike is t with other figures everywhere, which still add up.
func unlike(t record.Trial) record.Trial {
	t.Metrics = maps.Clone(t.Metrics)
	for name := range t.Metrics {
		t.Metrics[name] *= 3
	}
	t.Latency = maps.Clone(t.Latency)
	for name, l := range t.Latency {
		l.Count, l.MaxNs, l.MinNs, l.Missed = 5000, 1<<40, 1<<39, 77
		l.Buckets = record.Buckets{{1 << 39, 5000}}
		v := uint64(1 << 39)
		l.P50Ns, l.P90Ns, l.P99Ns, l.P999Ns = &v, &v, &v, &v
		t.Latency[name] = l
	}
	t.Accounting.Accepted += 1_000_000
	t.Accounting.Offered += 1_000_000
	t.Accounting.Dropped = maps.Clone(t.Accounting.Dropped)
	if t.Accounting.Dropped == nil {
		t.Accounting.Dropped = map[string]uint64{}
	}
	t.Accounting.Dropped["FULL_RING"] += 1_000_000
	t.Queues, t.Windows, t.Hops, t.Flows = slices.Clone(t.Queues), slices.Clone(t.Windows), slices.Clone(t.Hops), slices.Clone(t.Flows)
	for i := range t.Queues {
		q := &t.Queues[i]
		q.ReadPkts, q.XmitPkts, q.RecvPkts, q.DropPkts, q.Flows = 9*q.ReadPkts+uint64(i), 7, 8*q.RecvPkts+uint64(i), 999, 60
		if l := q.Residency; l != nil {
			other := *l
			other.MaxNs, other.Count = 1<<41, 12345
			q.Residency = &other
		}
	}
	for i := range t.Windows {
		t.Windows[i].Pkts *= 11
		t.Windows[i].Bytes *= 11
	}
	for i := range t.Hops {
		t.Hops[i].In, t.Hops[i].Dropped = 123_456, map[string]uint64{"FULL_RING": 99}
	}
	for i := range t.Flows {
		t.Flows[i].Queues = map[int]uint64{0: 1, 1: 1}
	}
	if w := t.Writes; w != nil {
		other := *w
		other.Calls, other.Bytes, other.Errors = 5, 6, map[string]uint64{"EINVAL": 7}
		t.Writes = &other
	}
	if s := t.Schedule; s != nil {
		other := *s
		other.RatePPS, other.MaxNs, other.Late = 2*s.RatePPS, 1<<38, 3
		t.Schedule = &other
	}
	if p := t.TCP; p != nil {
		other := *p
		other.RTTNs *= 5
		t.TCP = &other
	}
	return t
}

// withFlag is a copy of f in which some trials have a flag and are changed.
func withFlag(f *record.File, flag string, which func(record.Trial) bool, change func(record.Trial) record.Trial) *record.File {
	g := *f
	g.Trials = slices.Clone(f.Trials)
	for i := range g.Trials {
		if t := &g.Trials[i]; which(*t) {
			*t = change(*t)
			t.Flags = append(slices.Clone(t.Flags), flag)
		}
	}
	return &g
}

// What an invalid trial measured changes nothing that is shown: no figure, no chart, no sum,
// neither where other trials are valid nor where none is. The same figures in trials that are
// valid are seen.
func TestInvalidTrialsMoveNothing(t *testing.T) {
	all := func(record.Trial) bool { return true }
	same, gaps := func(t record.Trial) record.Trial { return t }, cmpopts.EquateNaNs()
	for name, f := range map[string]*record.File{
		"synthetic": fixture.Synthetic(), "open": fixture.OpenRun(), "loads": fixture.Loads(7), "curves": fixture.Curves(),
	} {
		for i := range f.Trials {
			if t := &f.Trials[i]; len(t.Queues) > 1 {
				t.Flows = []record.Flow{{Flow: 0, Queues: map[int]uint64{0: 10}}, {Flow: 1, Queues: map[int]uint64{1: 10}}}
			}
		}
		for of, which := range map[string]func(record.Trial) bool{
			"all": all, "the second bare": func(t record.Trial) bool { return t.Pair == 2 && t.Arm == record.Bare },
			"the second observed": func(t record.Trial) bool { return t.Pair == 2 && t.Arm == record.Observed },
		} {
			sections, details, summary := shownBy(withFlag(f, record.FlagSteal, which, same))
			others, otherDetails, otherSummary := shownBy(withFlag(f, record.FlagSteal, which, unlike))
			for heading := range sections {
				if d := cmp.Diff(sections[heading], others[heading], gaps); d != "" {
					t.Errorf("%s, %s trials: %s:\n%.1500s", name, of, heading, d)
				}
			}
			if len(sections) != len(others) {
				t.Errorf("%s, %s trials: %d sections, %d", name, of, len(sections), len(others))
			}
			if d := cmp.Diff(details, otherDetails, gaps); d != "" {
				t.Errorf("%s, %s trials: details:\n%.1500s", name, of, d)
			}
			if d := cmp.Diff(summary, otherSummary); d != "" {
				t.Errorf("%s, %s trials: summary:\n%.1500s", name, of, d)
			}
		}
		sections, _, summary := shownBy(withFlag(f, record.FlagUnsteady, all, same))
		others, _, otherSummary := shownBy(withFlag(f, record.FlagUnsteady, all, unlike))
		if cmp.Equal(sections, others, gaps) || summary == otherSummary {
			t.Errorf("%s: figures of valid trials are not shown", name)
		}
	}
}

// The drops of a scenario are the same number wherever they stand: by reason, at the hops and
// behind the writes, from the trials of one arm.
func TestDropsAgree(t *testing.T) {
	relay := func(arm record.Arm, pair int, dropped map[string]uint64, flags ...string) record.Trial {
		tr := fixture.Plain(pair, 64, flags...)
		tr.Arm, tr.Scenario = arm, "Tun/path=relay/dir=k2u/gen=udp/queues=1/size=64"
		tr.Accounting = record.Accounting{Offered: 1000, Accepted: 1000, Delivered: 1000 - sum(dropped), Dropped: dropped}
		tr.Hops = []record.Hop{{Name: "sender", In: 1000, Out: 1000}, {Name: "device tunbench0", In: 1000, Out: 1000 - sum(dropped), Dropped: dropped}}
		tr.Writes = &record.Writes{Calls: 1000, Bytes: 64_000, Sizes: map[string]uint64{"64": 1000}}
		return tr
	}
	ring, counted := map[string]uint64{"FULL_RING": 30}, map[string]uint64{"tx_dropped": 50}
	for name, c := range map[string]struct {
		trials []record.Trial
		want   string // "" where nothing was lost
	}{
		"both arms":       {[]record.Trial{relay(record.Bare, 1, counted), relay(record.Observed, 1, ring)}, "FULL_RING 30"},
		"bare alone":      {[]record.Trial{relay(record.Bare, 1, counted)}, "tx_dropped 50"},
		"only bare lost":  {[]record.Trial{relay(record.Bare, 1, counted), relay(record.Observed, 1, nil)}, "tx_dropped 50, bare trials only"},
		"one invalid":     {[]record.Trial{relay(record.Observed, 1, ring), relay(record.Observed, 2, map[string]uint64{"FULL_RING": 700}, record.FlagSteal)}, "FULL_RING 30"},
		"observed is not": {[]record.Trial{relay(record.Bare, 1, counted), relay(record.Observed, 1, ring, record.FlagSteal)}, "tx_dropped 50"},
		"nothing":         {[]record.Trial{relay(record.Bare, 1, nil), relay(record.Observed, 1, nil)}, ""},
	} {
		d := run.New(fixture.FileOf(c.trials...))
		got := map[string]string{}
		eachTable(d, func(heading string, t document.Table) {
			for _, r := range t.Rows {
				if i, ok := columnOf(t, "lost, by reason"); ok {
					got["writes"] = document.PlainText(r[i])
				}
				if i, ok := columnOf(t, "dropped at"); ok {
					got["hops"] = document.PlainText(r[i])
				}
				if i, ok := columnOf(t, "reason"); ok && heading == "Drops by reason" {
					packets, _ := columnOf(t, "packets")
					got["drops"] = document.PlainText(r[i]) + " = " + document.PlainText(r[packets])
				}
			}
		})
		reason, n, only := cutLoss(c.want)
		want := map[string]string{"writes": c.want, "hops": "device tunbench0: " + c.want, "drops": reason + only + " = " + n}
		if c.want == "" {
			want = map[string]string{"writes": "–", "hops": "–"}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got): %s", name, diff)
		}
	}
}

// cutLoss divides a loss as reports write it.
func cutLoss(s string) (reason, n, only string) {
	for i, part := range bytes.SplitN([]byte(s), []byte(" "), 2) {
		if i == 0 {
			reason = string(part)
			continue
		}
		before, after, more := bytes.Cut(part, []byte(","))
		n = string(before)
		if more {
			only = "," + string(after)
		}
	}
	return reason, n, only
}

func sum(counts map[string]uint64) uint64 { return figure.Sum(counts) }
