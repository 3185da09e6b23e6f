package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/figure"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

func TestCompareVerdicts(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	c := judged(t, base, next, Options{})
	by := byMetric(c)
	for key, want := range map[string]string{
		fixture.Slow + " pps":            record.IndicativeRegression,
		fixture.Slow + " cpu_ns_per_pkt": record.IndicativeRegression,
		fixture.Slow + " loss":           record.Equivalent,
		fixture.Slow + " ndr_pps":        record.IndicativeRegression,
		fixture.Slow + " pdr_pps":        record.Inconclusive,
		fixture.Fast + " pps":            record.IndicativeImprovement,
		fixture.Fast + " ndr_pps":        record.Equivalent,
		fixture.Queued + " pps":          record.Equivalent,
		fixture.Queued + " jain":         record.Equivalent,
		fixture.Stolen + " pps":          record.InvalidVerdict,
		fixture.Stolen + " loss":         record.InvalidVerdict,
		fixture.Rebuilt + " pps":         record.NotComparable,
		fixture.OpenRate + " pps":        record.Equivalent,
		fixture.OpenRate + " p50":        record.IndicativeRegression,
		fixture.OpenRate + " p99":        record.IndicativeRegression,
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
		case strings.HasSuffix(key, " jain") && !strings.HasPrefix(key, fixture.Queued):
			t.Errorf("%s: of one queue", key)
		case (strings.HasSuffix(key, " p50") || strings.HasSuffix(key, " p99")) && !strings.HasPrefix(key, fixture.OpenRate):
			t.Errorf("%s: in a closed loop", key)
		}
	}
	if v := by[fixture.Rebuilt+" pps"]; v.Change != nil || v.CI != nil || v.P != nil || v.Base == nil ||
		!slices.Equal(v.Notes, []string{"the device differs in txqlen: 500, 1000 (--allow device)"}) {
		t.Errorf("not comparable: %+v", v)
	}
	if v := by[fixture.Stolen+" pps"]; !slices.Equal(v.Notes, []string{"new: no valid trial of 10: steal in 10"}) {
		t.Errorf("invalid: %q", v.Notes)
	}
	if v := by[fixture.Slow+" pps"]; math.Abs(*v.Change+0.1) > 0.02 || v.CI[0] > *v.Change || v.CI[1] < *v.Change || *v.P > 0.05 || v.N != 10 || v.Threshold != 0.03 {
		t.Errorf("slower by 10 %%: %+v", v)
	}
	// bit_per_s has the verdict of pps.
	taken := c.Taken()
	if i := slices.IndexFunc(taken, func(v record.Verdict) bool { return v.Scenario == fixture.Slow }); i < 0 || taken[i].Metric != record.BitPerS || taken[i].Verdict != record.IndicativeRegression {
		t.Errorf("taken: %+v", taken)
	}
	if c.Exit(false) != 3 || c.Exit(true) != 1 { // a scenario is unsupported in the new run
		t.Errorf("exit %d, strict %d", c.Exit(false), c.Exit(true))
	}
	if by := byMetric(judged(t, base, next, Options{Allow: []string{figure.AllowDevice}})); by[fixture.Rebuilt+" pps"].Verdict != record.Equivalent {
		t.Errorf("allowed: %+v", by[fixture.Rebuilt+" pps"])
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
		base, next := fixture.Stored(1, 6, nil), fixture.Stored(2, 6, nil)
		if tt.field == figure.AllowHook {
			base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
		}
		tt.change(next)
		c := judged(t, base, next, Options{})
		for _, v := range c.Verdicts {
			if v.Verdict != record.NotComparable || !slices.Contains(v.Notes, tt.note) {
				t.Errorf("%s: %+v", tt.field, v)
			}
		}
		if c.Exit(false) != 3 || c.Exit(true) != 3 { // nothing could be judged
			t.Errorf("%s: exit %d, strict %d", tt.field, c.Exit(false), c.Exit(true))
		}
		c = judged(t, base, next, Options{Allow: []string{tt.field}})
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
	base, next := fixture.Stored(1, 6, nil), fixture.Stored(2, 6, nil)
	next.Run.Hook.Used, next.Run.Host.Kernel, next.Run.Host.MemoryBytes = "kprobe", "7.0.0", 1
	for _, v := range judged(t, base, next, Options{}).Verdicts {
		if v.Verdict == record.NotComparable {
			t.Errorf("%+v", v)
		}
	}
	// One measured bare only, the other observed only.
	base.Trials = slices.DeleteFunc(base.Trials, func(t record.Trial) bool { return t.Arm == record.Observed })
	next.Trials = slices.DeleteFunc(next.Trials, func(t record.Trial) bool { return t.Arm == record.Bare })
	for _, v := range judged(t, base, next, Options{}).Verdicts {
		if v.Metric != record.Jain && (v.Verdict != record.NotComparable || v.Notes[0] != "the arm differs: bare, observed (--allow hook)") {
			t.Errorf("%+v", v)
		}
	}
}

// Where only one side has bare trials, the observed ones are judged and say so. What is
// missing in the new run is a verdict of its own.
func TestBareTrialsOfOneSide(t *testing.T) {
	without := func(f *record.File, arms ...record.Arm) *record.File {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Scenario == fixture.Slow && slices.Contains(arms, t.Arm) })
		return f
	}
	skipped := func(reason string) *record.File {
		f := without(fixture.Stored(2, 6, nil), record.Bare)
		f.Skips = append(f.Skips, record.Skip{Scenario: fixture.Slow, Arm: record.Bare, Reason: reason, Detail: "EIO"})
		return f
	}
	whole := fixture.Stored(2, 6, nil)
	for name, tt := range map[string]struct {
		base, next *record.File
		lacking    []string // first notes of the verdicts on what the new run lacks
		note       string   // of the others
		exit       int
	}{
		"both":            {fixture.Stored(1, 6, nil), whole, nil, "", 0},
		"neither":         {without(fixture.Stored(1, 6, nil), record.Bare), without(fixture.Stored(2, 6, nil), record.Bare), nil, "", 0},
		"base":            {fixture.Stored(1, 6, nil), without(fixture.Stored(2, 6, nil), record.Bare), []string{"new: no bare trials in the run"}, "observed trials are judged: only base has bare ones", 3},
		"new":             {without(fixture.Stored(1, 6, nil), record.Bare), whole, nil, "observed trials are judged: only new has bare ones", 0},
		"new cannot":      {fixture.Stored(1, 6, nil), skipped(record.Unsupported), []string{"new: unsupported: EIO"}, "observed trials are judged: only base has bare ones", 3},
		"new failed":      {fixture.Stored(1, 6, nil), skipped(record.Failed), []string{"new: failed: EIO"}, "observed trials are judged: only base has bare ones", 3},
		"observed differ": {without(fixture.Stored(1, 6, nil), record.Observed), whole, nil, "", 0},
	} {
		c := judged(t, tt.base, tt.next, Options{})
		var lacking []string
		own := 0
		for _, v := range c.Verdicts {
			switch {
			case v.Scenario != fixture.Slow:
				if v.Missing != "" || slices.ContainsFunc(v.Notes, func(n string) bool { return strings.HasPrefix(n, "observed trials") }) {
					t.Errorf("%s: another scenario has %+v", name, v)
				}
			case v.Missing != "":
				lacking = append(lacking, v.Notes[0])
			case v.Metric == record.NDRPPS || v.Metric == record.PDRPPS: // of a search, which has no arm
			default:
				own++
				if told := slices.ContainsFunc(v.Notes, func(n string) bool { return strings.HasPrefix(n, "observed trials") }); told != (tt.note != "") || told && !slices.Contains(v.Notes, tt.note) {
					t.Errorf("%s: notes %q", name, v.Notes)
				}
			}
		}
		if !slices.Equal(lacking, tt.lacking) || own == 0 || c.Exit(false) != tt.exit {
			t.Errorf("%s: new lacks %q, %d other verdicts, exit %d", name, lacking, own, c.Exit(false))
		}
		if code := judged(t, tt.base, tt.next, Options{Allow: []string{AllowMissing}}).Exit(false); code != 0 {
			t.Errorf("%s: exit %d with --allow missing", name, code)
		}
	}
}

func TestCompareErrors(t *testing.T) {
	if _, err := Compare(fixture.Stored(1, 3, nil), fixture.Pairs(0.9, 10), Options{BaseName: "x", NewName: "y"}); err == nil || !strings.Contains(err.Error(), "y holds the variants of tunbench ab") {
		t.Errorf("variants against a run: %v", err)
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
		for rule, want := range map[ExitRule]int{
			{}: tt.plain, {Strict: true}: tt.strict, {Unknown: true}: tt.unknown, {AllowMissing: true}: tt.allowing,
		} {
			if got := rule.Code(tt.verdicts); got != want {
				t.Errorf("%s: exit %d, want %d by %+v", name, got, want, rule)
			}
		}
	}
}

// A run against itself is equivalent throughout, with p = 1 and no change.
func TestCompareItself(t *testing.T) {
	f := fixture.Stored(1, 10, nil)
	for i := range f.Trials {
		for m := range f.Trials[i].Metrics {
			f.Trials[i].Metrics[m] = 5 // all equal
		}
	}
	for _, file := range []*record.File{f, fixture.Stored(1, 10, nil)} {
		c := judged(t, file, file, Options{})
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
	c := judged(t, fixture.Stored(1, 4, nil), fixture.Stored(2, 4, map[string]float64{fixture.Slow: 0.5}), Options{})
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

func TestCompareVirtualTime(t *testing.T) {
	base, next := fixture.Stored(1, 10, nil), fixture.Stored(1, 10, nil)
	base.Run.Clock, next.Run.Clock = "icount", "icount"
	for i := range next.Trials {
		base.Trials[i].Metrics[record.SendNsPerPkt] = 4106.4
		base.Trials[i].Metrics[record.RecvNsPerPkt] = 1833
		next.Trials[i].Metrics[record.SendNsPerPkt] = 4106.4 * 1.006
		next.Trials[i].Metrics[record.RecvNsPerPkt] = 1833 * 1.004
	}
	c := judged(t, base, next, Options{})
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

// A rate that the new run did not search for is not judged, and is told.
func TestCompareWithoutASearch(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	next.Searches = nil
	by := byMetric(judged(t, base, next, Options{}))
	for _, scenario := range []string{fixture.Fast, fixture.Slow} {
		if v := by[scenario+" "+record.NDRPPS]; v.Verdict != record.InvalidVerdict || v.Base == nil || !slices.Equal(v.Notes, []string{"new has no such figure: there was no search for this rate"}) {
			t.Errorf("%+v", v)
		}
	}
}

// A scenario is compared by the hosts that measured it.
func TestCompareShards(t *testing.T) {
	base := fixture.MergedOf(t, false, fixture.ShardFile(1, nil), fixture.ShardFile(2, nil))
	verdicts := func(next *record.File, allow ...string) map[string]record.Verdict {
		c, err := Compare(base, next, Options{BaseName: "a", NewName: "b", Allow: allow})
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
	other := fixture.MergedOf(t, false, fixture.ShardFile(1, nil), fixture.ShardFile(2, func(r *record.Run) { r.Host.CPU = "Z80" }))
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
	if v := verdicts(fixture.ShardFile(1, nil).File); len(v) != 2 || v["queues=1/size=64"].Verdict == record.NotComparable || v["queues=2/size=64"].Missing != record.NewSide {
		t.Errorf("one shard: %+v", v)
	}
}

func TestGeneratorLimited(t *testing.T) {
	base, next := fixture.Stored(1, 10, nil), fixture.Stored(2, 10, map[string]float64{fixture.Slow: 0.9})
	for i := range base.Trials {
		base.Trials[i].Flags = []string{record.FlagGeneratorLimited}
	}
	by := byMetric(judged(t, base, next, Options{}))
	if v := by[fixture.Slow+" pps"]; v.Verdict != record.InvalidVerdict || !slices.Equal(v.Notes, []string{"base: the generator set the rate in 10 of 10 trials"}) {
		t.Errorf("pps: %+v", v)
	}
	if v := by[fixture.Slow+" cpu_ns_per_pkt"]; v.Verdict != record.IndicativeRegression {
		t.Errorf("cost: %+v", v)
	}
}

// A searched rate is equivalent within the threshold of its metric, however little
// the host can see.
func TestRatesOnANoisyHost(t *testing.T) {
	bounds := func(low, high float64) *record.File {
		f := fixture.Stored(1, 3, nil)
		f.Searches = []record.Search{{Scenario: fixture.Slow, Goals: []record.Goal{{Name: record.PDRPPS, Resolved: true, LowerPPS: &low, UpperPPS: &high}}}}
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
		v := byMetric(judged(t, bounds(1e6, 1.01e6), bounds(tt.low, tt.high), Options{Seen: sees}))[fixture.Slow+" "+record.PDRPPS]
		if v.Verdict != tt.want || v.Threshold != 0.09 || v.OwnThreshold == nil || *v.OwnThreshold != 0.03 {
			t.Errorf("%v: %+v, want %s", tt.low, v, tt.want)
		}
	}
}
