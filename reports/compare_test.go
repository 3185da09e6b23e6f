package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

// stored is a run of a few scenarios, n pairs each; change tells the factor of
// the packet rate by scenario.
func stored(seed uint64, n int, change map[string]float64) *record.File {
	rng := rand.New(rand.NewPCG(seed, 1))
	f := &record.File{Run: synthetic().Run, End: &record.End{Ended: "2026-11-20T22:54:55Z"}}
	f.Run.ID = fmt.Sprint("run-", seed)
	k := 0
	for _, s := range []struct {
		mode                string
		queues, size, flows int
		pps, loss           float64
		load                string
	}{
		{"Tun", 1, 64, 1, 1.27e6, 0, "max"},
		{"Tun", 1, 1500, 1, 0.84e6, 0.02, "max"},
		{"Tun", 4, 64, 16, 0.71e6, 0.4, "max"},
		{"Tap", 1, 64, 1, 1.18e6, 0, "max"},
		{"Tap", 1, 1500, 1, 0.79e6, 0, "max"},
		{"Tap", 1, 64, 1, 1e5, 0, "100000pps"},
	} {
		name := fmt.Sprintf("%s/dir=k2u/gen=udp/queues=%d/size=%d", s.mode, s.queues, s.size)
		if s.load != "max" {
			name += "/load=" + s.load
		}
		axes := map[string]string{"mode": strings.ToLower(s.mode), "queues": fmt.Sprint(s.queues), "size": fmt.Sprint(s.size), "load": s.load}
		for pair := 1; pair <= n; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				k++
				factor := cmpOr(change[name], 1)
				pps := s.pps * factor * (1 + 0.004*rng.NormFloat64())
				if s.load != "max" {
					pps = s.pps
				}
				t := trial(rng, name, axes, arm, pair, k, pps, s.loss, 4e5/factor, s.queues, s.flows, s.size, "")
				if s.load != "max" {
					t.Metrics[record.CPUNsPerPkt] /= 10 * (1 + 0.004*rng.NormFloat64())
				}
				for q, jain := range []float64{1, 1, 1, 1, 0.97} {
					if q == s.queues && arm == record.Observed {
						t.Metrics[record.Jain] = jain * (1 - 0.001*rng.Float64())
					}
				}
				for latency, l := range t.Latency {
					l.P50Ns, l.P99Ns = ptr(uint64(4e5/factor*(1+0.01*rng.Float64()))), ptr(uint64(6e5/factor*(1+0.01*rng.Float64())))
					t.Latency[latency] = l
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	f.End.Trials = len(f.Trials)
	return f
}

func cmpOr(v, fallback float64) float64 {
	if v == 0 {
		return fallback
	}
	return v
}

const (
	slow     = "Tun/dir=k2u/gen=udp/queues=1/size=1500"
	fast     = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	queued   = "Tun/dir=k2u/gen=udp/queues=4/size=64"
	stolen   = "Tap/dir=k2u/gen=udp/queues=1/size=64"
	rebuilt  = "Tap/dir=k2u/gen=udp/queues=1/size=1500"
	openRate = "Tap/dir=k2u/gen=udp/queues=1/size=64/load=100000pps"
)

// beforeAndAfter are two runs with one of everything between them: a scenario
// that regressed, one that improved, one the same, an invalid one, one whose
// device came out different, one on one side only, and a kernel that refused.
func beforeAndAfter() (base, next *record.File) {
	base = stored(1, 10, nil)
	next = stored(2, 10, map[string]float64{slow: 0.9, fast: 1.06, openRate: 0.8})
	next.Run.Host.Kernel, next.Run.Host.Sysctl["net.core.wmem_max"] = "6.18.1", "4194304"
	next.Run.Started = "2026-11-20T23:51:07Z"
	for i := range next.Trials {
		switch t := &next.Trials[i]; t.Scenario {
		case stolen:
			t.Flags = append(t.Flags, record.FlagSteal)
		case rebuilt:
			t.Device.TxQLen = 1000
		}
	}
	const uso = "Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=10/offload=uso"
	extra := base.Trials[0]
	extra.Scenario = uso
	base.Trials = append(base.Trials, extra)
	next.Skips = []record.Skip{{Scenario: uso, Reason: record.Unsupported, Detail: "TUNSETOFFLOAD: EINVAL"}}
	extra.Scenario = "Tun/dir=k2u/gen=udp/queues=8/size=64"
	next.Trials = append(next.Trials, extra)
	bounds := func(low, high float64) []record.Goal {
		return []record.Goal{{Name: record.NDRPPS, Resolved: true, LowerPPS: &low, UpperPPS: &high}, {Name: record.PDRPPS, Detail: "the time was over"}}
	}
	base.Searches = []record.Search{{Scenario: fast, Goals: bounds(1e6, 1.01e6)}, {Scenario: slow, Goals: bounds(8e5, 8.1e5)}}
	next.Searches = []record.Search{{Scenario: fast, Goals: bounds(1.005e6, 1.015e6)}, {Scenario: slow, Goals: bounds(7e5, 7.1e5)}}
	return base, next
}

func compared(t *testing.T, base, next *record.File, o CompareOptions) *Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdictsOf gives the verdicts by scenario and metric.
func verdictsOf(c *Comparison) map[string]record.Verdict {
	by := map[string]record.Verdict{}
	for _, v := range c.Verdicts {
		by[v.Scenario+" "+v.Metric] = v
	}
	return by
}

func TestCompareGolden(t *testing.T) {
	base, next := beforeAndAfter()
	other := stored(3, 3, nil)
	other.Run.Host.CPU, other.Run.Tool.Version, other.End = "ARM Neoverse-N1", "v0.2.0", nil
	bad, _ := beforeAndAfter()
	for i := range bad.Trials {
		bad.Trials[i].Device.Qdisc = hostile
		if i%7 == 0 {
			bad.Trials[i].Flags = []string{record.FlagSteal, hostile}
		}
	}
	bad.Run.Host.Kernel, bad.Run.Host.CPU, bad.Warnings = hostile, hostile, []string{hostile}
	for name, c := range map[string]*Comparison{
		"compare":         compared(t, base, next, CompareOptions{}),
		"compare-same":    compared(t, base, base, CompareOptions{}),
		"compare-few":     compared(t, stored(1, 3, nil), stored(2, 3, nil), CompareOptions{}),
		"compare-other":   compared(t, base, other, CompareOptions{}),
		"compare-hostile": compared(t, bad, next, CompareOptions{Allow: AllowFields}),
		"compare-ab":      abComparison(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // over what is there, to the same bytes
				if err := WriteComparison(dir, c); err != nil {
					t.Fatal(err)
				}
			}
			var text, lines bytes.Buffer
			if err := ComparisonSummary(&text, c); err != nil {
				t.Fatal(err)
			}
			for _, l := range strings.Split(text.String(), "\n") {
				if n := len([]rune(l)); n > 100 {
					t.Errorf("a line of %d columns: %s", n, l)
				}
			}
			if strings.ContainsAny(text.String(), "\x1b\u202e\r\t") {
				t.Error("control characters reach the terminal")
			}
			enc := json.NewEncoder(&lines)
			for _, v := range append(slices.Clone(c.Verdicts), c.Taken()...) {
				if err := enc.Encode(v); err != nil {
					t.Fatal(err)
				}
			}
			for file, content := range map[string][]byte{"summary.txt": text.Bytes(), "verdicts.jsonl": lines.Bytes()} {
				if err := os.WriteFile(filepath.Join(dir, file), content, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			checkShape(t, contents(t, dir))
			goldens(t, dir, name)
			var alone bytes.Buffer
			if err := ComparisonMarkdown(&alone, c); err != nil || strings.Contains(alone.String(), ".svg") {
				t.Errorf("without charts: %v", err)
			}
		})
	}
	c := compared(t, base, next, CompareOptions{})
	if ComparisonMarkdown(failing{}, c) == nil || ComparisonSummary(failing{}, c) == nil {
		t.Error("the writer's error is hidden")
	}
	if err := ComparisonMarkdown(io.Discard, &Comparison{}); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestCompareVerdicts(t *testing.T) {
	base, next := beforeAndAfter()
	c := compared(t, base, next, CompareOptions{})
	by := verdictsOf(c)
	for key, want := range map[string]string{
		slow + " pps":            record.IndicativeRegression,
		slow + " cpu_ns_per_pkt": record.IndicativeRegression,
		slow + " loss":           record.Equivalent,
		slow + " ndr_pps":        record.IndicativeRegression,
		slow + " pdr_pps":        record.Inconclusive,
		fast + " pps":            record.IndicativeImprovement,
		fast + " ndr_pps":        record.Equivalent,
		queued + " pps":          record.Equivalent,
		queued + " jain":         record.Equivalent,
		stolen + " pps":          record.InvalidVerdict,
		stolen + " loss":         record.InvalidVerdict,
		rebuilt + " pps":         record.NotComparable,
		openRate + " pps":        record.Equivalent,
		openRate + " p50":        record.IndicativeRegression,
		openRate + " p99":        record.IndicativeRegression,
		"Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=10/offload=uso pps": record.UnsupportedVerdict,
	} {
		if got := by[key].Verdict; got != want {
			t.Errorf("%s: %q, want %q (%+v)", key, got, want, by[key])
		}
	}
	for key := range by {
		switch {
		case strings.HasSuffix(key, " bit_per_s"):
			t.Errorf("%s is the same test as that of pps", key)
		case strings.HasSuffix(key, " jain") && !strings.HasPrefix(key, queued):
			t.Errorf("%s: of one queue", key)
		case (strings.HasSuffix(key, " p50") || strings.HasSuffix(key, " p99")) && !strings.HasPrefix(key, openRate):
			t.Errorf("%s: in a closed loop", key)
		}
	}
	if v := by[rebuilt+" pps"]; v.Change != nil || v.CI != nil || v.P != nil || v.Base == nil ||
		!slices.Equal(v.Notes, []string{"the device differs in txqlen: 500, 1000 (--allow device)"}) {
		t.Errorf("not comparable: %+v", v)
	}
	if v := by[stolen+" pps"]; !slices.Equal(v.Notes, []string{"new: no valid trial of 10: steal in 10"}) {
		t.Errorf("invalid: %q", v.Notes)
	}
	if v := by[slow+" pps"]; math.Abs(*v.Change+0.1) > 0.02 || v.CI[0] > *v.Change || v.CI[1] < *v.Change || *v.P > 0.05 || v.N != 10 || v.Threshold != 0.03 {
		t.Errorf("slower by 10 %%: %+v", v)
	}
	// bit_per_s has the verdict of pps.
	taken := c.Taken()
	if i := slices.IndexFunc(taken, func(v record.Verdict) bool { return v.Scenario == slow }); i < 0 || taken[i].Metric != record.BitPerS || taken[i].Verdict != record.IndicativeRegression {
		t.Errorf("taken: %+v", taken)
	}
	if c.Exit(false) != 0 || c.Exit(true) != 1 {
		t.Errorf("exit %d, strict %d", c.Exit(false), c.Exit(true))
	}
	if by := verdictsOf(compared(t, base, next, CompareOptions{Allow: []string{AllowDevice}})); by[rebuilt+" pps"].Verdict != record.Equivalent {
		t.Errorf("allowed: %+v", by[rebuilt+" pps"])
	}
}

// A run against itself is equivalent throughout, with p = 1 and no change.
func TestCompareItself(t *testing.T) {
	f := stored(1, 10, nil)
	for i := range f.Trials {
		for m := range f.Trials[i].Metrics {
			f.Trials[i].Metrics[m] = 5 // all equal
		}
	}
	for _, file := range []*record.File{f, stored(1, 10, nil)} {
		c := compared(t, file, file, CompareOptions{})
		for _, v := range c.Verdicts {
			if v.Verdict != record.Equivalent || *v.P != 1 || *v.Change != 0 {
				t.Errorf("%+v", v)
			}
		}
		if c.Exit(true) != 0 || len(c.Warnings) > 0 {
			t.Errorf("exit %d, warnings %q", c.Exit(true), c.Warnings)
		}
	}
}

func TestCompareTooFew(t *testing.T) {
	c := compared(t, stored(1, 4, nil), stored(2, 4, map[string]float64{slow: 0.5}), CompareOptions{})
	want := "4 valid trials a side cannot show a change in all of 21 tests that are judged together: at least 6 are needed (--trials 6)"
	if d := cmp.Diff([]string{want}, c.Warnings); d != "" {
		t.Error(d)
	}
	for _, v := range c.Verdicts {
		if v.Verdict != record.Inconclusive && v.Verdict != record.Equivalent {
			t.Errorf("from four trials: %+v", v)
		}
	}
	if c.Exit(false) != 0 || c.Exit(true) != 3 {
		t.Errorf("exit %d, strict %d", c.Exit(false), c.Exit(true))
	}
}

func TestCompareThresholds(t *testing.T) {
	base, next := stored(1, 10, nil), stored(2, 10, map[string]float64{slow: 0.9})
	verdict := func(o CompareOptions) record.Verdict { return verdictsOf(compared(t, base, next, o))[slow+" pps"] }
	if v := verdict(CompareOptions{Thresholds: map[string]float64{record.PPS: 0.2}}); v.Verdict != record.Equivalent || v.Threshold != 0.2 {
		t.Errorf("a threshold of its own: %+v", v)
	}
	seen := func(metric string) (float64, bool) { return 0.3, metric == record.PPS }
	if v := verdict(CompareOptions{Seen: seen, Thresholds: map[string]float64{record.PPS: 0.01}}); v.Verdict != record.Equivalent || v.Threshold != 0.3 {
		t.Errorf("what the host can see: %+v", v)
	}

	// The headers of the runs tell it too; the coarser of the two counts.
	base.Run.Sees, next.Run.Sees = map[string]float64{record.PPS: 0.02}, map[string]float64{record.PPS: 0.15}
	if v := verdict(CompareOptions{}); v.Verdict != record.Equivalent || v.Threshold != 0.15 {
		t.Errorf("what the runs say: %+v", v)
	}
	var b bytes.Buffer
	if err := ComparisonSummary(&b, compared(t, base, next, CompareOptions{})); err != nil || !strings.Contains(b.String(), "This host can see changes of 15.0 % in pps;") {
		t.Errorf("%v; the summary does not tell: %s", err, b.String())
	}
}

func TestCompareDifferences(t *testing.T) {
	for _, tt := range []struct {
		field, note string
		change      func(*record.File)
	}{
		{AllowCPU, "CPU differs: AMD EPYC 7763 64-Core Processor, Z80 (--allow cpu)", func(f *record.File) { f.Run.Host.CPU = "Z80" }},
		{AllowCPU, "number of CPUs online differs: 2, 4 (--allow cpu)", func(f *record.File) { f.Run.Host.CPUs = 4 }},
		{AllowTool, "tunbench differs: v0.1.0, 0123abc, go1.26.8, v0.1.0, 4567def, go1.26.8 (--allow tool)", func(f *record.File) { f.Run.Tool.Commit = "4567def" }},
		{AllowClock, "clock differs: monotonic, icount (--allow clock)", func(f *record.File) { f.Run.Clock = "icount" }},
		{AllowDevice, "the device differs in MTU: 1500, 9000 (--allow device)", func(f *record.File) {
			for i := range f.Trials {
				f.Trials[i].Device.MTU = 9000
			}
		}},
		{AllowHook, "hook differs: tracepoint, kprobe (--allow hook)", func(f *record.File) {
			f.Run.Hook.Used = "kprobe"
			f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
		}},
	} {
		base, next := stored(1, 6, nil), stored(2, 6, nil)
		if tt.field == AllowHook {
			base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
		}
		tt.change(next)
		c := compared(t, base, next, CompareOptions{})
		for _, v := range c.Verdicts {
			if v.Verdict != record.NotComparable || !slices.Contains(v.Notes, tt.note) {
				t.Errorf("%s: %+v", tt.field, v)
			}
		}
		if c.Exit(false) != 0 || c.Exit(true) != 3 {
			t.Errorf("%s: exit %d, strict %d", tt.field, c.Exit(false), c.Exit(true))
		}
		c = compared(t, base, next, CompareOptions{Allow: []string{tt.field}})
		for _, v := range c.Verdicts {
			if v.Verdict == record.NotComparable {
				t.Errorf("%s allowed: %+v", tt.field, v)
			}
		}
		if !slices.ContainsFunc(c.Warnings, func(w string) bool { return strings.Contains(w, "allowed by --allow") }) {
			t.Errorf("%s: nothing tells of what was allowed: %q", tt.field, c.Warnings)
		}
	}

	// Another hook is no difference between bare trials, nor is another kernel.
	base, next := stored(1, 6, nil), stored(2, 6, nil)
	next.Run.Hook.Used, next.Run.Host.Kernel, next.Run.Host.MemoryBytes = "kprobe", "7.0.0", 1
	for _, v := range compared(t, base, next, CompareOptions{}).Verdicts {
		if v.Verdict == record.NotComparable {
			t.Errorf("%+v", v)
		}
	}
	// One measured bare only, the other observed only.
	base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Observed })
	next.Trials = slices.DeleteFunc(next.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
	for _, v := range compared(t, base, next, CompareOptions{}).Verdicts {
		if v.Metric != record.Jain && (v.Verdict != record.NotComparable || v.Notes[0] != "the arm differs: bare, observed (--allow hook)") {
			t.Errorf("%+v", v)
		}
	}
}

func TestCompareErrors(t *testing.T) {
	base, next := stored(1, 3, nil), stored(2, 3, nil)
	for i := range next.Trials {
		next.Trials[i].Scenario = "Other/" + next.Trials[i].Scenario
	}
	if _, err := Compare(base, next, CompareOptions{BaseName: "x", NewName: "y"}); !errors.Is(err, ErrNothingInCommon) ||
		err.Error() != "compare y with x: no scenario is in both (6 scenarios and 6 scenarios)" {
		t.Errorf("other scenarios: %v", err)
	}
	next.Trials = nil
	if _, err := Compare(base, next, CompareOptions{BaseName: "x", NewName: "y"}); err == nil || err.Error() != "compare y with x: y has no trial" {
		t.Errorf("no trials: %v", err)
	}
	if _, err := Compare(base, abFile(0.9, 10), CompareOptions{BaseName: "x", NewName: "y"}); err == nil || !strings.Contains(err.Error(), "y holds the variants of tunbench ab") {
		t.Errorf("variants against a run: %v", err)
	}
	one := abFile(1, 10)
	one.Trials = slices.DeleteFunc(one.Trials, func(t record.Trial) bool { return t.Variant == "b" })
	if _, err := CompareVariants(one, CompareOptions{BaseName: "x"}); err == nil || !strings.Contains(err.Error(), "no trial of variant b") {
		t.Errorf("one variant: %v", err)
	}
	for i := range one.Trials {
		one.Trials[i].Flags = []string{record.FlagSteal}
		again := one.Trials[i]
		again.Variant = "b"
		one.Trials = append(one.Trials, again)
	}
	if _, err := CompareVariants(one, CompareOptions{BaseName: "x"}); err == nil || !strings.Contains(err.Error(), "no pair has two valid trials") {
		t.Errorf("nothing valid: %v", err)
	}
}

// abFile is a file of tunbench ab without verdicts: drift that both trials of a
// pair share, and variant b at factor times the packet rate.
func abFile(factor float64, pairs int) *record.File {
	rng := rand.New(rand.NewPCG(7, 8))
	f := &record.File{Run: synthetic().Run}
	for pair := 1; pair <= pairs; pair++ {
		drift := 1 + 0.05*rng.NormFloat64()
		for i, variant := range []string{"a", "b"} {
			pps := 1e6 * drift * (1 + 0.002*rng.NormFloat64())
			if i == 1 {
				pps *= factor
			}
			t := trial(rng, fast, map[string]string{"queues": "1", "load": "max"}, record.Bare, pair, 2*pair+i, pps, 0, 4e5, 1, 1, 64, "")
			t.Variant, t.Block = variant, 1
			f.Trials = append(f.Trials, t)
		}
	}
	return f
}

func abComparison(t *testing.T) *Comparison {
	t.Helper()
	c, err := CompareVariants(abFile(0.95, 10), CompareOptions{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompareVariants(t *testing.T) {
	// The drift is ten times the change that pairs find all the same.
	c := abComparison(t)
	by := verdictsOf(c)
	if v := by[fast+" pps"]; v.Verdict != record.IndicativeRegression || v.N != 10 || math.Abs(*v.Change+0.05) > 0.005 || !c.Paired {
		t.Errorf("pairs without a fresh block: %+v", v)
	}
	f := abFile(0.95, 10)
	f.Trials[0].Flags = []string{record.FlagSteal}
	c, err := CompareVariants(f, CompareOptions{BaseName: "ab"})
	if err != nil || verdictsOf(c)[fast+" pps"].N != 9 {
		t.Errorf("a pair with an invalid trial counts: %v, %+v", err, c)
	}
	// What the file says stands, and fails a job.
	f.Verdicts = []record.Verdict{{Kind: record.KindVerdict, Scenario: fast, Metric: record.PPS, Verdict: record.Regression, Notes: []string{}}}
	c, err = CompareVariants(f, CompareOptions{BaseName: "ab"})
	if err != nil || len(c.Verdicts) != 1 || c.Verdicts[0].Verdict != record.Regression || c.Verdicts[0].Kind != "" || c.Exit(false) != 1 {
		t.Errorf("verdicts of the file: %v, %+v", err, c)
	}
	if f.Verdicts[0].Kind != record.KindVerdict {
		t.Error("the file was changed")
	}

	// Pairs of two scenarios have the same numbers and are not mixed up.
	f = abFile(0.95, 10)
	for _, t := range abFile(1, 10).Trials {
		t.Scenario = slow
		f.Trials = append(f.Trials, t)
	}
	c, err = CompareVariants(f, CompareOptions{BaseName: "ab"})
	if err != nil {
		t.Fatal(err)
	}
	by = verdictsOf(c)
	if by[fast+" pps"].Verdict != record.IndicativeRegression || by[slow+" pps"].Verdict != record.Equivalent || by[slow+" pps"].N != 10 {
		t.Errorf("two scenarios: %+v, %+v", by[fast+" pps"], by[slow+" pps"])
	}

	// One variant in each of two files is the same.
	half := func(variant string) *record.File {
		f := abFile(0.95, 10)
		f.Run.ID = "01JD3"
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Variant != variant })
		return f
	}
	c, err = Compare(half("a"), half("b"), CompareOptions{BaseName: "a.jsonl", NewName: "b.jsonl"})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(abComparison(t).Verdicts, c.Verdicts); d != "" || !c.Paired {
		t.Errorf("from two files (-one +two): %s", d)
	}
}

func TestCompareVirtualTime(t *testing.T) {
	base, next := stored(1, 10, nil), stored(1, 10, nil)
	base.Run.Clock, next.Run.Clock = "icount", "icount"
	for i := range next.Trials {
		base.Trials[i].Metrics[record.SendNsPerPkt] = 4106.4
		base.Trials[i].Metrics[record.RecvNsPerPkt] = 1833
		next.Trials[i].Metrics[record.SendNsPerPkt] = 4106.4 * 1.006
		next.Trials[i].Metrics[record.RecvNsPerPkt] = 1833 * 1.004
	}
	c := compared(t, base, next, CompareOptions{})
	if len(c.Verdicts) != 12 {
		t.Errorf("%d verdicts of 6 scenarios", len(c.Verdicts))
	}
	for _, v := range c.Verdicts {
		want := map[string]string{record.SendNsPerPkt: record.IndicativeRegression, record.RecvNsPerPkt: record.Equivalent}[v.Metric]
		if v.Verdict != want || v.Unit != "instructions" || v.Threshold != 0.005 {
			t.Errorf("%+v", v)
		}
	}
}

func TestGeneratorLimited(t *testing.T) {
	base, next := stored(1, 10, nil), stored(2, 10, map[string]float64{slow: 0.9})
	for i := range base.Trials {
		base.Trials[i].Flags = []string{record.FlagGeneratorLimited}
	}
	by := verdictsOf(compared(t, base, next, CompareOptions{}))
	if v := by[slow+" pps"]; v.Verdict != record.InvalidVerdict || !slices.Equal(v.Notes, []string{"base: the generator set the rate in 10 of 10 trials"}) {
		t.Errorf("pps: %+v", v)
	}
	if v := by[slow+" cpu_ns_per_pkt"]; v.Verdict != record.IndicativeRegression {
		t.Errorf("cost: %+v", v)
	}
}

// The geometric mean is over what both sides measured: 0.9, 1.06 and four at 1,
// less the two that cannot be used.
func TestMeans(t *testing.T) {
	base, next := beforeAndAfter()
	for _, m := range newContrast(compared(t, base, next, CompareOptions{})).means() {
		if m.metric == record.PPS && (m.cells != 4 || math.Abs(m.ratio-math.Pow(0.9*1.06, 0.25)) > 0.003) {
			t.Errorf("%+v", m)
		}
		if m.metric == record.Loss || m.metric == record.Jain {
			t.Errorf("of an absolute metric: %+v", m)
		}
	}
}

func TestParseThreshold(t *testing.T) {
	for in, want := range map[string]float64{"pps=5%": 0.05, "loss=0.2%": 0.002, "p99=12.5 %": 0.125, "recv_ns_per_pkt=0.5%": 0.005} {
		metric, got, err := ParseThreshold(in)
		if err != nil || math.Abs(got-want) > 1e-12 || !strings.HasPrefix(in, metric+"=") {
			t.Errorf("%s: %s, %v, %v", in, metric, got, err)
		}
	}
	for _, in := range []string{"", "pps", "pps=5", "pps=x%", "pps=0%", "pps=-1%", "pps=100%", "pps=NaN%", "pps=Inf%", "speed=5%", "=5%"} {
		if _, _, err := ParseThreshold(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

// Whatever two files hold, a comparison of them is an error or keeps its shape,
// and its verdicts can be printed.
func FuzzCompare(f *testing.F) {
	seed := func(x, y []byte) {
		readable(f, x, y)
		for view := range uint8(views + 1) {
			f.Add(x, y, view)
		}
	}
	line := func(s ...string) []byte { return []byte(strings.Join(s, "\n") + "\n") }
	header := `{"kind":"run","schema":1,"clock":"monotonic"}`
	seed(line(header, `{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1","metrics":{"pps":1e308,"loss":7,"jain":2},"axes":{"queues":"2","load":"5pps"}}`, `{"kind":"end"}`),
		line(header, `{"kind":"trial","arm":"bare","pair":2,"trial":2,"scenario":"Tun/a=1","metrics":{"pps":1e-308,"loss":7,"bit_per_s":3},"latency":{"e2e":{"p50_ns":0}}}`, `{"kind":"skip","scenario":"<a>|","reason":"failed"}`))
	seed(line(header, `{"kind":"trial","scenario":"Tun","arm":"bare","trial":3,"variant":"a","pair":1,"metrics":{"pps":5}}`, `{"kind":"trial","scenario":"Tun","arm":"bare","trial":4,"variant":"b","pair":1,"metrics":{"pps":4}}`),
		line(header, `{"kind":"search","scenario":"x","goals":[{"name":"ndr_pps","resolved":true,"lower_pps":0,"upper_pps":0}]}`))
	f.Fuzz(func(t *testing.T, x, y []byte, view uint8) {
		a, errA := record.Read(bytes.NewReader(x))
		b, errB := record.Read(bytes.NewReader(y))
		if errA != nil || errB != nil {
			return
		}
		var c *Comparison
		var err error
		if HoldsVariants(a) {
			c, err = CompareVariants(a, CompareOptions{})
		} else {
			c, err = Compare(a, b, CompareOptions{})
		}
		if err != nil {
			return
		}
		if view%(views+1) < views {
			checkView(t, newContrast(c).document(), view)
			return
		}
		if err := ComparisonSummary(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(c.Verdicts); err != nil {
			t.Fatal(err)
		}
	})
}
