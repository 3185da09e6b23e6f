package export

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

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
	f := fixture.MergedOf(t, false, fixture.ShardFile(1, same), fixture.ShardFile(2, same))
	if w := figure.ShardWarnings(f); len(w) > 0 {
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
	if w := figure.ShardWarnings(f); !cmp.Equal(w, []string{"shards 1 and 2 ran on one host at the same time and disturbed each other"}) {
		t.Errorf("at once: %q", w)
	}
}

// A shard that was interrupted, and resumed after another had run on its host, did not run
// at the same time as that one; one that was resumed meanwhile did.
func TestShardsResumed(t *testing.T) {
	same := func(r *record.Run) { r.Host.Boot = "boot" }
	at := func(minute int) string { return fmt.Sprintf("2026-11-20T23:%02d:00Z", minute) }
	for name, test := range map[string]struct {
		first, resumed, ended int // minutes of the first trial of shard 1, which takes a minute; of its resumption and its end
		disturbed             bool
	}{
		"after the other":        {0, 30, 35, false},
		"before the other":       {0, 2, 5, false},
		"during the other":       {0, 15, 18, true},
		"the other went between": {11, 30, 35, true},
	} {
		first := fixture.ShardFile(1, same)
		first.Run.Started, first.End.Ended = at(0), at(test.ended)
		for i := range first.Trials {
			first.Trials[i].Started, first.Trials[i].DurationNs = at(test.resumed), int64(time.Second)
		}
		first.Trials[0].Started, first.Trials[0].DurationNs = at(test.first), int64(time.Minute)
		first.Resumes = []record.Resume{{Started: at(test.resumed), Trials: 1}}
		second := fixture.ShardFile(2, same)
		second.Run.Started, second.End.Ended = at(10), at(20)
		w := figure.ShardWarnings(fixture.MergedOf(t, false, first, second))
		if (len(w) > 0) != test.disturbed {
			t.Errorf("%s: %q", name, w)
		}
	}
}

// Figures of two hosts are told apart, and not held against each other.
func TestShardsOfTwoHosts(t *testing.T) {
	f := fixture.MergedOf(t, false, fixture.ShardFile(1, nil), fixture.ShardFile(2, func(r *record.Run) { r.Host.CPU = "Z80|8" }))
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
	if _, n := figure.Machines(fixture.MergedOf(t, false, fixture.ShardFile(1, unknown), fixture.ShardFile(2, unknown)).Run); n != 2 {
		t.Errorf("%d hosts of unknown boots", n)
	}
}

func TestShardsMissing(t *testing.T) {
	torn := fixture.ShardFile(2, nil)
	torn.End = nil
	f := fixture.MergedOf(t, true, torn)
	want := []string{"a shard is missing: 1 of 2", "shard 2 of 2 was interrupted"}
	if w := figure.ShardWarnings(f); !cmp.Equal(w, want) {
		t.Errorf("%q, want %q", w, want)
	}
	if text := reportOf(t, f); slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(text, w) }) {
		t.Errorf("not in\n%s", text)
	}
	if text := reportOf(t, fixture.ShardFile(1, nil).File); !strings.Contains(text, "This is **shard 1 of 2**; the whole plan has 2 scenarios.") {
		t.Errorf("a shard by itself:\n%s", text)
	}
}
