package kernels

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// judged is a verdict on a cost of 1,000 instructions that changed by so much.
func judged(scenario, metric, kind string, change float64, missing string) verdict.KernelVerdict {
	base, next := 1000.0, 1000*(1+change)
	return verdict.KernelVerdict{Verdict: record.Verdict{
		Scenario: scenario, Metric: metric, Verdict: kind, Base: &base, New: &next, Change: &change, Threshold: 0.005, Missing: missing,
		Notes: []string{"a reason"},
	}}
}

// build is a kernel of that version that was booted.
func build(version string) verdict.KernelBoots {
	return verdict.KernelBoots{Boots: [][]*record.File{{{Run: &record.Run{Host: record.Host{Kernel: "6.12.0", KernelVersion: version}}}}}}
}

func TestBisectJudge(t *testing.T) {
	const send, receive = record.SendNsPerPkt, record.RecvNsPerPkt
	same := judged("a", send, record.Equivalent, 0.0001, "")
	worse := judged("b", send, record.IndicativeRegression, 0.08, "")
	little := judged("c", receive, record.IndicativeRegression, 0.01, "")
	better := judged("d", send, record.IndicativeImprovement, -0.2, "")
	open := judged("e", receive, record.Inconclusive, 0.02, "")
	gone := judged("f", send, record.UnsupportedVerdict, 0, record.NewSide)
	added := judged("g", send, record.UnsupportedVerdict, 0, record.BaseSide)
	other := judged("h", send, record.NotComparable, 0, "")
	for name, test := range map[string]struct {
		bisect Bisect
		list   []verdict.KernelVerdict
		code   int
		why    string
	}{
		"equivalent":                  {Bisect{}, []verdict.KernelVerdict{same}, 0, "good: none of 1 cost rose by more than its threshold; if this is the bad end, there is nothing to bisect"},
		"better":                      {Bisect{}, []verdict.KernelVerdict{same, better}, 0, "good: none of 2 costs"},
		"what only the new one has":   {Bisect{}, []verdict.KernelVerdict{same, added}, 0, "good: none of 1 cost"},
		"worse":                       {Bisect{}, []verdict.KernelVerdict{same, little, worse}, 1, "bad: send_ns_per_pkt of b is 1,080 instead of 1,000 instructions, +8.00 %"},
		"worse, and inconclusive":     {Bisect{}, []verdict.KernelVerdict{open, worse}, 1, "bad: "},
		"inconclusive":                {Bisect{}, []verdict.KernelVerdict{same, open}, 125, "not judged: 1 of 2 costs could not be judged: recv_ns_per_pkt of e is inconclusive (a reason)"},
		"the new one lacks it":        {Bisect{}, []verdict.KernelVerdict{same, gone}, 125, "send_ns_per_pkt of f is unsupported"},
		"not comparable":              {Bisect{}, []verdict.KernelVerdict{other}, 125, "send_ns_per_pkt of h is not-comparable"},
		"nothing":                     {Bisect{}, nil, 125, "not judged: no cost was measured on both kernels"},
		"only the new one has it":     {Bisect{}, []verdict.KernelVerdict{added}, 125, "not judged: no cost"},
		"below the threshold":         {Bisect{thresholds: []string{"send_ns_per_pkt=4%", "recv_ns_per_pkt=4%"}}, []verdict.KernelVerdict{little}, 0, "good: "},
		"above the threshold":         {Bisect{thresholds: []string{"send_ns_per_pkt=4%"}}, []verdict.KernelVerdict{worse}, 1, "bad: "},
		"another metric decides":      {Bisect{metrics: []string{send}}, []verdict.KernelVerdict{same, little, open}, 0, "good: none of 1 cost"},
		"the metric that decides":     {Bisect{metrics: []string{receive}}, []verdict.KernelVerdict{worse, little}, 1, "bad: recv_ns_per_pkt of c"},
		"no verdict of the deciding":  {Bisect{metrics: []string{receive}}, []verdict.KernelVerdict{worse}, 125, "not judged: no cost"},
		"a threshold that was halved": {Bisect{thresholds: []string{"recv_ns_per_pkt=1%"}}, []verdict.KernelVerdict{little}, 0, "good: "},
	} {
		test.bisect.Asked = true
		if err := test.bisect.Check(2); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		code, why := test.bisect.Judge([]verdict.KernelBoots{build("#1"), build("#2")}, test.list)
		if code != test.code || !strings.Contains(why, test.why) {
			t.Errorf("%s: %d, %q; want %d, %q", name, code, why, test.code, test.why)
		}
	}
	b := Bisect{Asked: true}
	for version, want := range map[string]bool{"#1": true, "#2": false, "": false} {
		code, why := b.Judge([]verdict.KernelBoots{build("#1"), build(version)}, []verdict.KernelVerdict{same})
		if code != 0 || strings.Contains(why, "good: none of 1 cost rose by more than its threshold; if this is the bad end, there is nothing to bisect; both kernels are one build, so that only their modules can differ") != want {
			t.Errorf("#1 and %s: %d, %q", version, code, why)
		}
	}
	if code, why := b.Judge([]verdict.KernelBoots{build(""), build("")}, []verdict.KernelVerdict{same}); code != 0 || strings.Contains(why, "one build") {
		t.Errorf("unknown versions: %d, %q", code, why)
	}
}

func TestBisectCheck(t *testing.T) {
	for want, test := range map[string]struct {
		bisect  Bisect
		kernels int
	}{
		"":                                     {Bisect{Asked: true, metrics: []string{"send_ns_per_pkt"}}, 2},
		"not 1":                                {Bisect{Asked: true}, 1},
		"not 3":                                {Bisect{Asked: true}, 3},
		"--metric pps: choose send_ns_per_pkt": {Bisect{Asked: true, metrics: []string{"pps"}}, 2},
		"is not a share above 0":               {Bisect{Asked: true, thresholds: []string{"send_ns_per_pkt=8"}}, 2},
		"--threshold pps: it does not decide here: choose send_ns_per_pkt or recv_ns_per_pkt": {Bisect{Asked: true, thresholds: []string{"pps=8%"}}, 2},
		"--threshold recv_ns_per_pkt: it does not decide here: choose send_ns_per_pkt":        {Bisect{Asked: true, metrics: []string{"send_ns_per_pkt"}, thresholds: []string{"recv_ns_per_pkt=8%"}}, 2},
		"kernels are compared to 0.50 %: choose that or more":                                 {Bisect{Asked: true, thresholds: []string{"send_ns_per_pkt=0.1%"}}, 2},
		"are for bisections: add --bisect-run":                                                {Bisect{metrics: []string{"send_ns_per_pkt"}}, 2},
	} {
		if err := test.bisect.Check(test.kernels); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", test.bisect, err, want)
		}
	}
	if err := (&Bisect{}).Check(3); err != nil {
		t.Errorf("no bisection: %v", err)
	}
}

func TestBisectCode(t *testing.T) {
	asked := []string{"kernels", "--bisect-run", "--kernel", "a"}
	for code, want := range map[int]int{0: 0, 1: 1, 2: 125, 3: 125, 125: 125, 130: 130} {
		if got := BisectCode(asked, code); got != want {
			t.Errorf("%d is %d, want %d", code, got, want)
		}
		if got := BisectCode([]string{"kernels", "--bisect-run=false"}, code); got != code {
			t.Errorf("without a bisection %d is %d", code, got)
		}
	}
}

// The exit code follows from the flag as the command line reads it. A value that the
// command line refuses is no reason to call a commit bad.
func TestBisectCodeReadsFlags(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--bisect-run"}, {"--bisect-run=1"}, {"--bisect-run=t"}, {"--bisect-run=T"}, {"--bisect-run=TRUE"}, {"--bisect-run=True"}, {"--bisect-run=true"},
		{"--bisect-run=0"}, {"--bisect-run=F"}, {"--bisect-run=FALSE"}, {"--bisect-run=maybe"}, {"--bisect-run="}, {"--bisect-running"},
		{"--bisect-run", "--bisect-run=0"}, {"--bisect-run=false", "--bisect-run"}, {"--", "--bisect-run"}, {"--bisect-run", "--", "--bisect-run=false"},
		{"--bisect-run=maybe", "--bisect-run=false"},
	} {
		var b Bisect
		flags := pflag.NewFlagSet("kernels", pflag.ContinueOnError)
		flags.SetOutput(io.Discard)
		flags.ParseErrorsAllowlist.UnknownFlags = true
		b.Register(flags)
		want := 2
		if err := flags.Parse(args); err != nil || b.Asked {
			want = 125
		}
		if got := BisectCode(append([]string{"kernels"}, args...), 2); got != want {
			t.Errorf("%q: exit %d, want %d", args, got, want)
		}
	}
}
