package export

import (
	"bytes"
	"encoding/json"
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

	"tunbench/reports/document/compare"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
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

func compared(t *testing.T, base, next *record.File, o verdict.Options) *verdict.Comparison {
	t.Helper()
	o.BaseName, o.NewName = "before", "after"
	c, err := verdict.Compare(base, next, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// verdictsOf gives the verdicts by scenario and metric.
func verdictsOf(c *verdict.Comparison) map[string]record.Verdict {
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
	for name, c := range map[string]*verdict.Comparison{
		"compare":         compared(t, base, next, verdict.Options{}),
		"compare-same":    compared(t, base, base, verdict.Options{}),
		"compare-few":     compared(t, stored(1, 3, nil), stored(2, 3, nil), verdict.Options{}),
		"compare-other":   compared(t, base, other, verdict.Options{}),
		"compare-hostile": compared(t, bad, next, verdict.Options{Allow: verdict.AllowFields}),
		"compare-ab":      abComparison(t),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // over what is there, to the same bytes
				if err := writeComparison(dir, c); err != nil {
					t.Fatal(err)
				}
			}
			var text, lines bytes.Buffer
			if err := render.ComparisonSummary(&text, c); err != nil {
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
			if err := comparisonMarkdown(&alone, c); err != nil || strings.Contains(alone.String(), ".svg") {
				t.Errorf("without charts: %v", err)
			}
		})
	}
	c := compared(t, base, next, verdict.Options{})
	if comparisonMarkdown(failing{}, c) == nil || render.ComparisonSummary(failing{}, c) == nil {
		t.Error("the writer's error is hidden")
	}
	if err := comparisonMarkdown(io.Discard, &verdict.Comparison{}); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestCompareVerdicts(t *testing.T) {
	base, next := beforeAndAfter()
	c := compared(t, base, next, verdict.Options{})
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
	if c.Exit(false) != 3 || c.Exit(true) != 1 { // a scenario is unsupported in the new run
		t.Errorf("exit %d, strict %d", c.Exit(false), c.Exit(true))
	}
	if by := verdictsOf(compared(t, base, next, verdict.Options{Allow: []string{figure.AllowDevice}})); by[rebuilt+" pps"].Verdict != record.Equivalent {
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
		c := compared(t, file, file, verdict.Options{})
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
	c := compared(t, stored(1, 4, nil), stored(2, 4, map[string]float64{slow: 0.5}), verdict.Options{})
	want := "4 valid trials per side cannot show a change in any of the 21 tests that are judged together: at least 6 are needed (--trials 6)"
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
	judged := func(o verdict.Options) record.Verdict { return verdictsOf(compared(t, base, next, o))[slow+" pps"] }
	if v := judged(verdict.Options{Thresholds: map[string]float64{record.PPS: 0.2}}); v.Verdict != record.Equivalent || v.Threshold != 0.2 {
		t.Errorf("a threshold of its own: %+v", v)
	}
	// What the host cannot show is open; it is not equivalent.
	next = stored(2, 10, map[string]float64{slow: 0.95})
	sees := func(seen float64) func(string) (float64, bool) {
		return func(metric string) (float64, bool) { return seen, metric == record.PPS }
	}
	v := judged(verdict.Options{Seen: sees(0.08), Thresholds: map[string]float64{record.PPS: 0.01}})
	if v.Verdict != record.Inconclusive || v.Threshold != 0.08 || v.OwnThreshold == nil || *v.OwnThreshold != 0.01 || !slices.ContainsFunc(v.Notes, func(n string) bool {
		return strings.Contains(n, "exceeds the metric's threshold of 1.00 %, but not 8.00 %, the smallest change that an A/A run detected on this host")
	}) {
		t.Errorf("what the host can see: %+v", v)
	}
	if got := metric.ThresholdText(v); got != "8.00 % (equivalent: 1.00 %)" {
		t.Errorf("its threshold is shown as %q", got)
	}
	// A host that can see less than three times the threshold was disturbed.
	for seen, want := range map[float64]float64{0.09: 0.09, 0.0901: 0.03, 0.51: 0.03} {
		if v := judged(verdict.Options{Seen: sees(seen)}); v.Threshold != want || (v.OwnThreshold != nil) != (want > 0.03) {
			t.Errorf("a host that can see %v: %+v", seen, v)
		}
	}

	// The headers of the runs tell it too; the coarser of the two counts, if it is
	// used at all.
	base.Run.Sees, next.Run.Sees = map[string]float64{record.PPS: 0.02}, map[string]float64{record.PPS: 0.085}
	if v := judged(verdict.Options{}); v.Verdict != record.Inconclusive || v.Threshold != 0.085 {
		t.Errorf("what the runs say: %+v", v)
	}
	var b bytes.Buffer
	if err := render.ComparisonSummary(&b, compared(t, base, next, verdict.Options{})); err != nil || !strings.Contains(b.String(), "This host can detect changes of 8.5 % in pps;") {
		t.Errorf("%v; the summary does not tell: %s", err, b.String())
	}
	base.Run.Sees[record.PPS], next.Run.Sees[record.PPS] = 0.035, 0.51
	if v := judged(verdict.Options{}); v.Verdict != record.IndicativeRegression || v.Threshold != 0.035 {
		t.Errorf("beside a disturbed A/A run: %+v", v)
	}
}

// A searched rate is equivalent within the threshold of its metric, however little
// the host can see.
func TestRatesOnANoisyHost(t *testing.T) {
	bounds := func(low, high float64) *record.File {
		f := stored(1, 3, nil)
		f.Searches = []record.Search{{Scenario: slow, Goals: []record.Goal{{Name: record.PDRPPS, Resolved: true, LowerPPS: &low, UpperPPS: &high}}}}
		return f
	}
	sees := func(string) (float64, bool) { return 0.09, true }
	for _, tt := range []struct {
		low, high float64
		want      string
	}{
		{1e6, 1.01e6, record.Equivalent},
		{0.94e6, 0.95e6, record.Inconclusive}, // within 9 %, and beyond 3 %
		{0.85e6, 0.86e6, record.IndicativeRegression},
	} {
		v := verdictsOf(compared(t, bounds(1e6, 1.01e6), bounds(tt.low, tt.high), verdict.Options{Seen: sees}))[slow+" "+record.PDRPPS]
		if v.Verdict != tt.want || v.Threshold != 0.09 || v.OwnThreshold == nil || *v.OwnThreshold != 0.03 {
			t.Errorf("%v: %+v, want %s", tt.low, v, tt.want)
		}
	}
}

func TestCompareDifferences(t *testing.T) {
	for _, tt := range []struct {
		field, note string
		change      func(*record.File)
	}{
		{figure.AllowCPU, "CPU differs: AMD EPYC 7763 64-Core Processor, Z80 (--allow cpu)", func(f *record.File) { f.Run.Host.CPU = "Z80" }},
		{figure.AllowCPU, "CPUs online differs: 2, 4 (--allow cpu)", func(f *record.File) { f.Run.Host.CPUs = 4 }},
		{figure.AllowTool, "tunbench differs: v0.1.0, 0123abc, go1.26.8, v0.1.0, 4567def, go1.26.8 (--allow tool)", func(f *record.File) { f.Run.Tool.Commit = "4567def" }},
		{figure.AllowClock, "clock differs: monotonic, icount (--allow clock)", func(f *record.File) { f.Run.Clock = "icount" }},
		{figure.AllowDevice, "the device differs in MTU: 1500, 9000 (--allow device)", func(f *record.File) {
			for i := range f.Trials {
				f.Trials[i].Device.MTU = 9000
			}
		}},
		{figure.AllowHook, "hook differs: tracepoint, kprobe (--allow hook)", func(f *record.File) {
			f.Run.Hook.Used = "kprobe"
			f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
		}},
	} {
		base, next := stored(1, 6, nil), stored(2, 6, nil)
		if tt.field == figure.AllowHook {
			base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
		}
		tt.change(next)
		c := compared(t, base, next, verdict.Options{})
		for _, v := range c.Verdicts {
			if v.Verdict != record.NotComparable || !slices.Contains(v.Notes, tt.note) {
				t.Errorf("%s: %+v", tt.field, v)
			}
		}
		if c.Exit(false) != 3 || c.Exit(true) != 3 { // nothing could be judged
			t.Errorf("%s: exit %d, strict %d", tt.field, c.Exit(false), c.Exit(true))
		}
		c = compared(t, base, next, verdict.Options{Allow: []string{tt.field}})
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
	for _, v := range compared(t, base, next, verdict.Options{}).Verdicts {
		if v.Verdict == record.NotComparable {
			t.Errorf("%+v", v)
		}
	}
	// One measured bare only, the other observed only.
	base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Observed })
	next.Trials = slices.DeleteFunc(next.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
	for _, v := range compared(t, base, next, verdict.Options{}).Verdicts {
		if v.Metric != record.Jain && (v.Verdict != record.NotComparable || v.Notes[0] != "the arm differs: bare, observed (--allow hook)") {
			t.Errorf("%+v", v)
		}
	}
}

func TestCompareErrors(t *testing.T) {
	if _, err := verdict.Compare(stored(1, 3, nil), abFile(0.9, 10), verdict.Options{BaseName: "x", NewName: "y"}); err == nil || !strings.Contains(err.Error(), "y holds the variants of tunbench ab") {
		t.Errorf("variants against a run: %v", err)
	}
}

// What the base has and the new side does not has a verdict of its own, stands in
// every report, and is no success without a flag. What only the new side has is
// no failure.
func TestCompareMissing(t *testing.T) {
	without := func(f *record.File, names ...string) *record.File {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return slices.Contains(names, t.Scenario) })
		return f
	}
	skipped := func(f *record.File, reason, detail string) *record.File {
		f.Skips = append(f.Skips, record.Skip{Scenario: slow, Reason: reason, Detail: detail})
		return f
	}
	all := func() (names []string) {
		for name := range verdict.ByName(stored(1, 6, nil)) {
			names = append(names, name)
		}
		return names
	}()
	next := func(change map[string]float64) *record.File { return stored(2, 8, change) }
	cut := without(next(nil), slow)
	cut.End = nil
	figureless := next(nil)
	for i := range figureless.Trials {
		if figureless.Trials[i].Scenario == slow {
			figureless.Trials[i].Metrics, figureless.Trials[i].Latency = map[string]float64{}, nil
		}
	}
	armless := func(f *record.File, arm record.Arm) *record.File {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Scenario == slow && t.Arm == arm })
		return f
	}
	kind := func(k string) func(record.Verdict) bool { return func(v record.Verdict) bool { return v.Verdict == k } }
	for name, tt := range map[string]struct {
		base, next *record.File
		exit       int // without a flag
		allowed    int // with --allow missing
		verdict    string
		missing    string
		note       string
		headline   string
	}{
		"failed": {next(nil), skipped(without(next(nil), slow), record.Failed, "open tun0: EIO"), 3, 0, record.InvalidVerdict, "new", "new: failed: open tun0: EIO",
			"Not measured on the new side, so not judged: " + slow + " (failed: open tun0: EIO). --allow missing allows this."},
		"unsupported":  {next(nil), skipped(without(next(nil), slow), record.Unsupported, "TUNSETOFFLOAD: EINVAL"), 3, 0, record.UnsupportedVerdict, "new", "new: unsupported: TUNSETOFFLOAD: EINVAL", slow + " (unsupported: TUNSETOFFLOAD: EINVAL)"},
		"unprivileged": {next(nil), skipped(without(next(nil), slow), record.Unprivileged, "EPERM"), 3, 0, record.UnsupportedVerdict, "new", "new: unprivileged: EPERM", slow + " (unprivileged: EPERM)"},
		"gone":         {next(nil), without(next(nil), slow), 3, 0, record.InvalidVerdict, "new", "new: not in the run", slow + " (not in the run)"},
		"interrupted":  {next(nil), cut, 3, 0, record.InvalidVerdict, "new", "new: not in the run, which was interrupted", slow + " (not in the run, which was interrupted)"},
		"no figures":   {next(nil), figureless, 3, 0, record.InvalidVerdict, "new", "new: its trials have none of the figures that base has", slow + " (its trials have none"},
		"failed half way": {next(nil), skipped(next(nil), record.Failed, "EIO"), 3, 0, record.InvalidVerdict, "new", "new: failed: EIO; what was measured before the failure has verdicts of its own",
			slow + " (failed: EIO; what was measured"},
		"without the arm that is judged": {armless(next(nil), record.Observed), armless(next(nil), record.Bare), 3, 0, record.NotComparable, "new", "the arm differs: bare, observed (--allow hook)", slow + " (the arm differs: bare, observed"},
		"new alone":                      {without(next(nil), slow), next(nil), 0, 0, record.InvalidVerdict, "base", "base: not in the run", ""},
		"new alone supports it":          {skipped(without(next(nil), slow), record.Unsupported, "EINVAL"), next(nil), 0, 0, record.UnsupportedVerdict, "base", "base: unsupported: EINVAL", ""},
		"new alone did not fail":         {skipped(without(next(nil), slow), record.Failed, "EIO"), next(nil), 0, 0, record.InvalidVerdict, "base", "base: failed: EIO", ""},
		"a regression beside it":         {next(nil), without(next(map[string]float64{fast: 0.5}), slow), 3, 0, record.InvalidVerdict, "new", "new: not in the run", slow + " (not in the run)"},
		"nothing in common": {without(next(nil), all[1:]...), without(next(nil), all[0]), 3, 3, record.InvalidVerdict, "", "",
			"Nothing could be judged: no scenario was measured on both sides."},
		"an empty new side": {next(nil), without(next(nil), all...), 3, 0, record.InvalidVerdict, "new", "new: not in the run", "Nothing could be judged: no scenario was measured on both sides."},
		"an empty base":     {without(next(nil), all...), next(nil), 3, 3, record.InvalidVerdict, "base", "base: not in the run", "Nothing could be judged: no scenario was measured on both sides."},
		"nothing on a side": {without(next(nil), all...), without(next(nil), all...), 3, 3, "", "", "", "Nothing could be judged: there is no figure to compare."},
	} {
		c := compared(t, tt.base, tt.next, verdict.Options{})
		if got := c.Exit(false); got != tt.exit {
			t.Errorf("%s: exit %d, want %d", name, got, tt.exit)
		}
		if got := c.Exit(true); tt.exit == 3 && got != 3 && !(got == 1 && strings.HasPrefix(name, "a regression")) || tt.exit == 0 && got == 3 {
			t.Errorf("%s: exit %d with --strict", name, got)
		}
		allowed := compared(t, tt.base, tt.next, verdict.Options{Allow: []string{verdict.AllowMissing}})
		if got := allowed.Exit(false); got != tt.allowed {
			t.Errorf("%s: exit %d with --allow missing, want %d", name, got, tt.allowed)
		}
		if tt.missing != "" && !slices.ContainsFunc(c.Verdicts, func(v record.Verdict) bool {
			return (v.Scenario == slow || len(all) > 1 && strings.Contains(name, "empty")) && v.Verdict == tt.verdict && v.Missing == tt.missing && strings.Join(v.Notes, "; ") == tt.note
		}) {
			t.Errorf("%s: %+v", name, c.Verdicts)
		}
		if tt.verdict == "" && slices.ContainsFunc(c.Verdicts, kind(record.Equivalent)) {
			t.Errorf("%s: %+v", name, c.Verdicts)
		}
		var text bytes.Buffer
		if err := render.ComparisonSummary(&text, c); err != nil {
			t.Fatal(err)
		}
		summary, err := StepSummary(c, StepSummaryLimit)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.Join(strings.Fields(text.String()), " ")
		notes := Annotations(c)
		loud := slices.ContainsFunc(notes, func(a Annotation) bool { return a.Level == Error })
		if tt.exit == 0 {
			if loud || strings.Contains(plain, "Not measured on") {
				t.Errorf("%s: %v\n%s", name, notes, plain)
			}
			continue
		}
		first, _, _ := strings.Cut(text.String(), "\n")
		if !strings.Contains(plain, tt.headline) || !strings.HasPrefix(first, "Nothing could be judged:") && !strings.HasPrefix(first, "Not measured on the new side, so not judged:") {
			t.Errorf("%s: the summary does not begin with %q:\n%s", name, tt.headline, text.String())
		}
		_, below, _ := strings.Cut(string(summary), "\n")
		if below = strings.TrimSpace(below); !strings.Contains(below[:min(200, len(below))], "Nothing could be judged:") && !strings.Contains(below[:min(200, len(below))], "Not measured on the new side, so not judged:") {
			t.Errorf("%s: the step summary begins with %.300s", name, summary)
		}
		if !loud {
			t.Errorf("%s: no annotation is an error: %v", name, notes)
		}
	}
}

// A rate that the new run did not search for is not judged, and is told.
func TestCompareWithoutASearch(t *testing.T) {
	base, next := beforeAndAfter()
	next.Searches = nil
	by := verdictsOf(compared(t, base, next, verdict.Options{}))
	for _, scenario := range []string{fast, slow} {
		if v := by[scenario+" "+record.NDRPPS]; v.Verdict != record.InvalidVerdict || v.Base == nil || !slices.Equal(v.Notes, []string{"new has no such figure: there was no search for this rate"}) {
			t.Errorf("%+v", v)
		}
	}
}

// One regression beats what is missing; what is not comparable is exit 3 only if
// there is nothing else, or where that was asked for.
func TestCompareExit(t *testing.T) {
	v := func(kind, missing string) record.Verdict { return record.Verdict{Verdict: kind, Missing: missing} }
	equal, lost := v(record.Equivalent, ""), v(record.InvalidVerdict, record.NewSide)
	for name, tt := range map[string]struct {
		verdicts                         []record.Verdict
		plain, strict, unknown, allowing int
	}{
		"nothing":                     {nil, 3, 3, 3, 3},
		"equivalent":                  {[]record.Verdict{equal}, 0, 0, 0, 0},
		"inconclusive":                {[]record.Verdict{v(record.Inconclusive, "")}, 0, 3, 3, 0},
		"invalid alone":               {[]record.Verdict{v(record.InvalidVerdict, "")}, 3, 3, 3, 3},
		"invalid among others":        {[]record.Verdict{equal, v(record.InvalidVerdict, "")}, 0, 3, 3, 0},
		"not comparable alone":        {[]record.Verdict{v(record.NotComparable, ""), v(record.NotComparable, "")}, 3, 3, 3, 3},
		"not comparable among others": {[]record.Verdict{equal, v(record.NotComparable, "")}, 0, 3, 3, 0},
		"missing":                     {[]record.Verdict{equal, lost}, 3, 3, 3, 0},
		"missing alone":               {[]record.Verdict{lost}, 3, 3, 3, 0},
		"unsupported":                 {[]record.Verdict{equal, v(record.UnsupportedVerdict, record.NewSide)}, 3, 3, 3, 0},
		"missing in base":             {[]record.Verdict{equal, v(record.InvalidVerdict, record.BaseSide)}, 0, 0, 0, 0},
		"missing in base alone":       {[]record.Verdict{v(record.InvalidVerdict, record.BaseSide)}, 3, 3, 3, 3},
		"regression and missing":      {[]record.Verdict{lost, v(record.Regression, "")}, 1, 1, 1, 1},
		"indicative and missing":      {[]record.Verdict{lost, v(record.IndicativeRegression, "")}, 3, 1, 3, 0},
		"indicative":                  {[]record.Verdict{v(record.IndicativeRegression, "")}, 0, 1, 0, 0},
		"improvement":                 {[]record.Verdict{v(record.Improvement, "")}, 0, 0, 0, 0},
	} {
		for rule, want := range map[record.ExitRule]int{
			{}: tt.plain, {Strict: true}: tt.strict, {Unknown: true}: tt.unknown, {AllowMissing: true}: tt.allowing,
		} {
			if got := rule.Code(tt.verdicts); got != want {
				t.Errorf("%s: exit %d, want %d by %+v", name, got, want, rule)
			}
		}
	}
}

// A file of tunbench ab that stopped early is judged as far as it goes, and says
// what is not.
func TestCompareVariantsCutShort(t *testing.T) {
	half := func(keep func(record.Trial) bool) *record.File {
		f := abFile(1, 10)
		f.End = nil
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return !keep(t) })
		return f
	}
	one := half(func(t record.Trial) bool { return t.Variant == "a" })
	spoilt := abFile(1, 10)
	for i := range spoilt.Trials {
		spoilt.Trials[i].Flags = []string{record.FlagSteal}
	}
	judged := abFile(1, 10)
	judged.Verdicts = []record.Verdict{{Scenario: "Tun/other", Metric: record.PPS, Verdict: record.Equivalent}}
	refused := abFile(1, 0)
	refused.Verdicts = []record.Verdict{record.Lacking(fast, record.PPS, "packets/s", record.NewSide, record.Unsupported, "EINVAL")}
	for name, tt := range map[string]struct {
		f    *record.File
		note string
	}{
		"one variant":    {one, "no pair of 10 trials of a and 0 of b has two valid trials"},
		"nothing valid":  {spoilt, "no pair of 10 trials of a and 10 of b has two valid trials"},
		"no verdict yet": {judged, "new: interrupted after 10 pairs, before a verdict"},
		"no trial":       {refused, "new: unsupported: EINVAL"},
	} {
		if !verdict.HoldsVariants(tt.f) {
			t.Errorf("%s: is no file of ab", name)
		}
		c, err := verdict.CompareVariants(tt.f, verdict.Options{BaseName: "x"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.Exit(false) != 3 || !slices.ContainsFunc(c.Verdicts, func(v record.Verdict) bool { return slices.Contains(v.Notes, tt.note) }) {
			t.Errorf("%s: exit %d, %+v", name, c.Exit(false), c.Verdicts)
		}
		if err := render.ComparisonSummary(io.Discard, c); err != nil {
			t.Error(err)
		}
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

func abComparison(t *testing.T) *verdict.Comparison {
	t.Helper()
	c, err := verdict.CompareVariants(abFile(0.95, 10), verdict.Options{BaseName: "ab"})
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
	c, err := verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
	if err != nil || verdictsOf(c)[fast+" pps"].N != 9 {
		t.Errorf("a pair with an invalid trial counts: %v, %+v", err, c)
	}
	// What the file says stands, and fails a job.
	f.Verdicts = []record.Verdict{{Kind: record.KindVerdict, Scenario: fast, Metric: record.PPS, Verdict: record.Regression, Notes: []string{}}}
	c, err = verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
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
	c, err = verdict.CompareVariants(f, verdict.Options{BaseName: "ab"})
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
	c, err = verdict.Compare(half("a"), half("b"), verdict.Options{BaseName: "a.jsonl", NewName: "b.jsonl"})
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
	c := compared(t, base, next, verdict.Options{})
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
	by := verdictsOf(compared(t, base, next, verdict.Options{}))
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
	for _, m := range compare.New(compared(t, base, next, verdict.Options{})).Means() {
		if m.Metric == record.PPS && (m.Cells != 4 || math.Abs(m.Ratio-math.Pow(0.9*1.06, 0.25)) > 0.003) {
			t.Errorf("%+v", m)
		}
		if m.Metric == record.Loss || m.Metric == record.Jain {
			t.Errorf("of an absolute metric: %+v", m)
		}
	}
}

func TestParseThreshold(t *testing.T) {
	for in, want := range map[string]float64{"pps=5%": 0.05, "loss=0.2%": 0.002, "p99=12.5 %": 0.125, "recv_ns_per_pkt=0.5%": 0.005} {
		name, got, err := metric.ParseThreshold(in)
		if err != nil || math.Abs(got-want) > 1e-12 || !strings.HasPrefix(in, name+"=") {
			t.Errorf("%s: %s, %v, %v", in, name, got, err)
		}
	}
	for _, in := range []string{"", "pps", "pps=5", "pps=x%", "pps=0%", "pps=-1%", "pps=100%", "pps=NaN%", "pps=Inf%", "speed=5%", "=5%"} {
		if _, _, err := metric.ParseThreshold(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

// Whatever two files hold, a comparison of them is an error or keeps its shape,
// and its verdicts can be printed.
//
// slow to fuzz: an input is two run files, compared and shown as a report, about 2 ms.
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
		var c *verdict.Comparison
		var err error
		if verdict.HoldsVariants(a) {
			c, err = verdict.CompareVariants(a, verdict.Options{})
		} else {
			c, err = verdict.Compare(a, b, verdict.Options{})
		}
		if err != nil {
			return
		}
		if view%(views+1) < views {
			checkView(t, compare.New(c).Document(), view)
			return
		}
		if err := render.ComparisonSummary(io.Discard, c); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(c.Verdicts); err != nil {
			t.Fatal(err)
		}
	})
}
