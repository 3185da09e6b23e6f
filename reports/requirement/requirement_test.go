package requirement

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/metric"
	"tunbench/reports/record"
)

const scenario = "Tun/dir=k2u/gen=udp/queues=1/size=64"

// required is a file whose suite sets limits, written as `metric limit`, for scenario.
func required(t *testing.T, limits ...string) *record.File {
	t.Helper()
	f := &record.File{Run: &record.Run{Clock: record.ClockMonotonic, Plan: &record.Plan{}}, End: &record.End{}}
	for _, l := range limits {
		name, written, _ := strings.Cut(l, " ")
		limit, err := metric.ParseLimit(name, written)
		if err != nil {
			t.Fatal(err)
		}
		f.Run.Plan.Require = append(f.Run.Plan.Require, record.Requirement{Limit: limit, Scenarios: []string{scenario}})
	}
	return f
}

// with adds a trial of an arm for each value of a metric.
func with(f *record.File, arm record.Arm, name string, values ...float64) *record.File {
	for i, v := range values {
		f.Trials = append(f.Trials, record.Trial{Scenario: scenario, Arm: arm, Pair: i + 1, Trial: len(f.Trials) + 1, Metrics: map[string]float64{name: v}})
	}
	return f
}

// each returns n values about v, which differ by at most 1 %.
func each(v float64, n int) (x []float64) {
	for i := range n {
		x = append(x, v*(1+0.01*(float64(i)/float64(n-1)-0.5)))
	}
	return x
}

func only(t *testing.T, f *record.File) Result {
	t.Helper()
	results := Judge(f)
	if len(results) != 1 {
		t.Fatalf("%d results: %+v", len(results), results)
	}
	return results[0]
}

// Each class of figures is judged on both sides of its limit.
func TestJudgeMetrics(t *testing.T) {
	for _, test := range []struct {
		metric, limit string
		good, bad     float64
		shown         string // what is bad, and its interval
	}{
		{record.PPS, "> 300k", 310e3, 290e3, "pps is 290 kpps, limit > 300k: missed, certain: the 95 % interval 289–291 kpps does not contain the limit"},
		{record.BitPerS, ">= 1G", 1.1e9, 0.9e9, "bit_per_s is 0.900 Gbit/s, limit >= 1G: missed, certain"},
		{record.TPS, "> 20k", 21e3, 18e3, "tps is 18,000 transactions/s, limit > 20k: missed"},
		{record.Loss, "< 0.1%", 0.0005, 0.002, "loss is 0.20 %, limit < 0.1%: missed, certain"},
		{record.Jain, "> 0.9", 0.95, 0.5, "jain is 0.500, limit > 0.9: missed"},
		{record.LoopbackRatio, "> 30%", 0.4, 0.2, "loopback_ratio is 0.200, limit > 30%: missed"},
		{record.Retransmits, "<= 1%", 0.001, 0.05, "retransmits is 5.00 %, limit <= 1%: missed"},
		{record.CPUNsPerPkt, "< 900", 800, 1000, "cpu_ns_per_pkt is 1,000 ns, limit < 900: missed"},
		{record.PeakBytes, "< 64M", 32e6, 128e6, "peak_bytes is 122 MiB, limit < 64M: missed"},
	} {
		if r := only(t, with(required(t, test.metric+" "+test.limit), record.Bare, test.metric, each(test.good, 6)...)); r.Verdict != Met || !r.Certain || r.N != 6 || r.CI == nil {
			t.Errorf("%s %v: %+v", test.metric, test.good, r)
		}
		r := only(t, with(required(t, test.metric+" "+test.limit), record.Bare, test.metric, each(test.bad, 6)...))
		if r.Verdict != Missed || !r.Certain || !strings.HasPrefix(said(r), test.shown) {
			t.Errorf("%s %v: %s, want %s", test.metric, test.bad, said(r), test.shown)
		}
	}
}

// said is what is shown of r, with spaces as they are typed.
func said(r Result) string { return strings.ReplaceAll(r.Text(), "\u00a0", " ") }

func TestJudgeLatency(t *testing.T) {
	for limit, want := range map[string]string{"< 1ms": Missed, "< 3ms": Met} {
		f := required(t, "residency_p99 "+limit)
		with(f, record.Bare, record.PPS, each(1e6, 6)...)
		for i := range 6 {
			p99 := uint64(2e6 + 1000*float64(i))
			f.Trials = append(f.Trials, record.Trial{Scenario: scenario, Arm: record.Observed, Pair: i + 1, Trial: 7 + i,
				Latency: map[string]record.Latency{record.Residency: {Count: 1e5, P99Ns: &p99}}})
		}
		if r := only(t, f); r.Verdict != want || r.Arm != record.Observed || r.N != 6 || r.Shown() != "2.00 ms" {
			t.Errorf("%s: %+v", limit, r)
		}
	}
}

// The bare arm counts, as in reports; the observed one only where that has the figure.
func TestJudgeArm(t *testing.T) {
	f := with(required(t, "pps > 1M"), record.Observed, record.PPS, each(0.9e6, 6)...)
	if r := only(t, f); r.Verdict != Missed || r.Arm != record.Observed {
		t.Errorf("observed alone: %+v", r)
	}
	with(f, record.Bare, record.PPS, each(1.1e6, 6)...)
	if r := only(t, f); r.Verdict != Met || r.Arm != record.Bare {
		t.Errorf("both: %+v", r)
	}
}

// The median decides, and the interval says how certain that is.
func TestCertainty(t *testing.T) {
	for _, test := range []struct {
		values  []float64
		verdict string
		certain bool
		want    string
	}{
		{[]float64{90, 95, 104, 105, 106, 120}, Met, false, "uncertain: the 95 % interval 90.0–120 pps contains the limit"},
		{[]float64{80, 94, 95, 96, 97, 120}, Missed, false, "uncertain: the 95 % interval 80.0–120 pps contains the limit"},
		{[]float64{80, 81, 82, 83, 84, 85}, Missed, true, "does not contain the limit"},
		{[]float64{50, 60}, Missed, false, "by 2 trials, too few for an interval (--trials 6 gives one)"},
		{[]float64{150}, Met, false, "by 1 trial, too few for an interval"},
	} {
		r := only(t, with(required(t, "pps > 100"), record.Bare, record.PPS, test.values...))
		if r.Verdict != test.verdict || r.Certain != test.certain || !strings.Contains(said(r), test.want) {
			t.Errorf("%v: %s", test.values, said(r))
		}
	}
	// A figure that would be shown like the limit that it misses has all its digits.
	if r := only(t, with(required(t, "pps > 300k"), record.Bare, record.PPS, 299999.5)); r.Shown() != "299999.5 packets/s" {
		t.Errorf("%s", said(r))
	}
}

// What cannot be judged never passes.
func TestNotJudged(t *testing.T) {
	six := each(1e6, 6)
	for name, test := range map[string]struct {
		file *record.File
		want string
	}{
		"unsupported": {skip(required(t, "pps > 1"), "", record.Unsupported), "unsupported: EINVAL"},
		"failed on the way": {
			skip(with(required(t, "pps > 1"), record.Bare, record.PPS, six...), "", record.Failed), "failed: EINVAL"},
		"observed arm":   {skip(with(required(t, "residency_p50 < 1s"), record.Bare, record.PPS, six...), record.Observed, record.Unsupported), "unsupported: EINVAL"},
		"no such figure": {with(required(t, "jain > 0.9"), record.Bare, record.PPS, six...), "its trials do not have this figure"},
		"no search":      {with(required(t, "ndr_pps > 1"), record.Bare, record.PPS, six...), "no search was made in it"},
		"not measured":   {required(t, "pps > 1"), "it was not measured"},
		"interrupted":    {func() *record.File { f := required(t, "pps > 1"); f.End = nil; return f }(), "the run was interrupted before it was measured"},
		"invalid": {func() *record.File {
			f := with(required(t, "pps > 1"), record.Bare, record.PPS, six...)
			for i := range f.Trials {
				f.Trials[i].Flags = []string{record.FlagUnexplained}
			}
			return f
		}(), "no trial is valid: unexplained in 6"},
		"virtual time": {func() *record.File {
			f := with(required(t, "pps > 1"), record.Bare, record.PPS, six...)
			f.Run.Clock = record.ClockICount
			return f
		}(), "in virtual time a nanosecond is an instruction"},
	} {
		r := only(t, test.file)
		if r.Verdict != NotJudged || r.Figure != nil || r.Certain || !strings.Contains(r.Why, test.want) || !strings.Contains(said(r), "not judged: "+r.Why) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// Instructions can be limited in virtual time.
	f := with(required(t, "send_ns_per_pkt < 5000"), record.Bare, record.SendNsPerPkt, 5050)
	f.Run.Clock = record.ClockICount
	if r := only(t, f); r.Verdict != Missed || r.Shown() != "5,050 instructions" {
		t.Errorf("instructions: %s", said(r))
	}
	f = with(required(t, "cpu_ns_per_pkt < 40000"), record.Bare, record.CPUNsPerPkt, 30785)
	f.Run.Clock = record.ClockICount
	if r := only(t, f); r.Verdict != Met || r.Shown() != "30,785 instructions" {
		t.Errorf("instructions of all threads: %s", said(r))
	}
	// One invalid trial does not count, and does not keep the others from it.
	f = with(required(t, "pps > 1M"), record.Bare, record.PPS, 0.5e6, 1.1e6, 1.1e6)
	f.Trials[0].Flags = []string{record.FlagUnexplained}
	if r := only(t, f); r.Verdict != Met || r.N != 2 {
		t.Errorf("one invalid trial: %s", said(r))
	}
}

func skip(f *record.File, arm record.Arm, reason string) *record.File {
	f.Skips = append(f.Skips, record.Skip{Scenario: scenario, Arm: arm, Reason: reason, Detail: "EINVAL"})
	return f
}

func TestJudgeSearch(t *testing.T) {
	rate := func(v float64) *float64 { return &v }
	for _, test := range []struct {
		goal    record.Goal
		verdict string
		certain bool
		want    string
	}{
		{record.Goal{Name: record.NDRPPS, Resolved: true, LowerPPS: rate(1.1e6), UpperPPS: rate(1.2e6)}, Met, true, "the range of the search 1,100–1,200 kpps"},
		{record.Goal{Name: record.NDRPPS, Resolved: true, LowerPPS: rate(0.9e6), UpperPPS: rate(0.95e6)}, Missed, true, "certain"},
		{record.Goal{Name: record.NDRPPS, Resolved: true, LowerPPS: rate(0.99e6), UpperPPS: rate(1.01e6)}, Missed, false, "uncertain"},
		{record.Goal{Name: record.NDRPPS, LowerPPS: rate(2e6), Detail: "not exceeded"}, NotJudged, false, "the search did not resolve it: not exceeded"},
	} {
		f := required(t, "ndr_pps > 1M")
		f.Searches = []record.Search{{Scenario: scenario, Goals: []record.Goal{test.goal}}}
		if r := only(t, f); r.Verdict != test.verdict || r.Certain != test.certain || !strings.Contains(said(r), test.want) {
			t.Errorf("%+v: %s", test.goal, said(r))
		}
	}
}

// A suite without limits has no results; a merged file has those of its shards.
func TestWhichLimits(t *testing.T) {
	f := with(required(t), record.Bare, record.PPS, 1e6)
	if r := Judge(f); r != nil {
		t.Errorf("no limits: %+v", r)
	}
	f.Run.Plan = nil
	if r := Judge(f); r != nil {
		t.Errorf("no plan: %+v", r)
	}
	for i := range 2 {
		shard := required(t, fmt.Sprintf("pps > %dk", 500+1000*i))
		f.Run.Parts = append(f.Run.Parts, record.Part{Run: *shard.Run})
	}
	r := Judge(f)
	if len(r) != 2 || r[0].Verdict != Met || r[1].Verdict != Missed || len(Of(r, Met)) != 1 || len(Of(r, NotJudged)) != 0 {
		t.Errorf("merged: %+v", r)
	}
}
