package export

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// shardFile is shard i of 2, which measured one scenario over queues=i.
func shardFile(i int, change func(*record.Run)) record.Named {
	r := *synthetic().Run
	r.ID, r.Started = fmt.Sprint("run-", i), fmt.Sprintf("2026-11-20T22:5%d:00Z", i)
	r.Shard = &record.Shard{Index: i, Of: 2, Scenarios: 2, Plan: "p"}
	r.Host.Boot = fmt.Sprint("boot-", i)
	r.Floor.SyscallNs = 100 * float64(i)
	if change != nil {
		change(&r)
	}
	f := &record.File{Run: &r, End: &record.End{Ended: fmt.Sprintf("2026-11-20T22:5%d:30Z", i), Scenarios: 1, Trials: 8}}
	for pair := range 8 {
		f.Trials = append(f.Trials, record.Trial{
			Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=%d/size=64", i), Axes: map[string]string{"queues": fmt.Sprint(i), "dir": "k2u"}, Arm: record.Bare, Pair: pair + 1, Trial: pair + 1, DurationNs: 1e9,
			Metrics: map[string]float64{record.PPS: float64(1e6 * i), record.BitPerS: float64(512e6 * i), record.RecvNsPerPkt: 300, record.FloorRatio: 3},
		})
	}
	return record.Named{Name: fmt.Sprint("shard-", i), File: f}
}

func mergedOf(t *testing.T, partial bool, shards ...record.Named) *record.File {
	t.Helper()
	f, err := record.Merge(shards, partial)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func reportOf(t *testing.T, f *record.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := runMarkdown(&b, f, render.Options{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestShardsOfOneHost(t *testing.T) {
	same := func(r *record.Run) { r.Host.Boot = "boot" }
	f := mergedOf(t, false, shardFile(1, same), shardFile(2, same))
	if w := figure.ShardWarnings(f.Run); len(w) > 0 {
		t.Errorf("warnings %q", w)
	}
	page := reportOf(t, f)
	for _, want := range []string{"merged from **2 shards** of **1 host**", "### Number of queues", "## Shards", "a bare system call, " + text.Between("100", "200") + " ns"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "· host") {
		t.Error("hosts are numbered where there is one")
	}
	// They disturbed each other if they ran at once.
	f.Run.Parts[0].End.Ended = "2026-11-20T22:52:10Z"
	if w := figure.ShardWarnings(f.Run); !cmp.Equal(w, []string{"shards 1 and 2 ran on one host at the same time and disturbed each other"}) {
		t.Errorf("at once: %q", w)
	}
}

// Figures of two hosts are told apart, and not held against each other.
func TestShardsOfTwoHosts(t *testing.T) {
	f := mergedOf(t, false, shardFile(1, nil), shardFile(2, func(r *record.Run) { r.Host.CPU = "Z80|8" }))
	text := reportOf(t, f)
	for _, want := range []string{
		"merged from **2 shards** of **2 hosts**", "different CPUs",
		"the scenarios were measured on 2 hosts, which differ in CPU: do not compare figures of different hosts.",
		"queues=1 · host 1", "queues=2 · host 2", `Z80\|8`, "Differences between the hosts",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Scenarios that differ") {
		t.Error("scenarios of two hosts stand beside each other")
	}
	// Where the boots are not known, nobody knows that it is one host.
	unknown := func(r *record.Run) { r.Host.Boot = "" }
	if _, n := figure.Machines(mergedOf(t, false, shardFile(1, unknown), shardFile(2, unknown)).Run); n != 2 {
		t.Errorf("%d hosts of unknown boots", n)
	}
}

// A scenario is compared by the hosts that measured it.
func TestCompareShards(t *testing.T) {
	base := mergedOf(t, false, shardFile(1, nil), shardFile(2, nil))
	verdicts := func(next *record.File, allow ...string) map[string]record.Verdict {
		c, err := verdict.Compare(base, next, verdict.Options{BaseName: "a", NewName: "b", Allow: allow})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]record.Verdict{}
		for _, v := range c.Verdicts {
			if v.Metric == record.PPS {
				got[v.Scenario[len("Tun/dir=k2u/gen=udp/"):]] = v
			}
		}
		return got
	}
	other := mergedOf(t, false, shardFile(1, nil), shardFile(2, func(r *record.Run) { r.Host.CPU = "Z80" }))
	got := verdicts(other)
	if v := got["queues=1/size=64"]; v.Verdict == record.NotComparable {
		t.Errorf("the shard on the same CPU: %+v", v)
	}
	if v := got["queues=2/size=64"]; v.Verdict != record.NotComparable || !strings.Contains(fmt.Sprint(v.Notes), "CPU differs: AMD EPYC 7763 64-Core Processor, Z80 (--allow cpu)") {
		t.Errorf("the shard on another CPU: %+v", v)
	}
	if v := verdicts(other, figure.AllowCPU)["queues=2/size=64"]; v.Verdict == record.NotComparable {
		t.Errorf("allowed: %+v", v)
	}
	// A single shard, and a whole run, compare with a merged one as with another.
	if v := verdicts(shardFile(1, nil).File); len(v) != 2 || v["queues=1/size=64"].Verdict == record.NotComparable || v["queues=2/size=64"].Missing != record.NewSide {
		t.Errorf("one shard: %+v", v)
	}
}

func TestShardsMissing(t *testing.T) {
	torn := shardFile(2, nil)
	torn.End = nil
	f := mergedOf(t, true, torn)
	want := []string{"a shard is missing: 1 of 2", "shard 2 of 2 was interrupted"}
	if w := figure.ShardWarnings(f.Run); !cmp.Equal(w, want) {
		t.Errorf("%q, want %q", w, want)
	}
	if text := reportOf(t, f); slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
		t.Errorf("not in\n%s", text)
	}
	if text := reportOf(t, shardFile(1, nil).File); !strings.Contains(text, "This is **shard 1 of 2**; the whole plan has 2 scenarios.") {
		t.Errorf("a shard by itself:\n%s", text)
	}
}
