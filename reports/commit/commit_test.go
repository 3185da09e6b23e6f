package commit

import (
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/verdict"
)

// checkLines fails where a line is too long for a message, or would be taken for a comment,
// and where the first line is not a subject of its own.
func checkLines(t *testing.T, s string) {
	t.Helper()
	if lines := strings.Split(s, "\n"); len(lines) < 2 || !strings.HasPrefix(lines[0], "tunbench") || len(lines[0]) > Width || lines[1] != "" {
		t.Errorf("git would not take the first line for the subject:\n%s", s)
	}
	for _, line := range strings.Split(s, "\n") {
		if n := screen.Width(line); n > Width && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("a line of %d columns: %q", n, line)
		}
		if strings.HasPrefix(line, "#") || strings.TrimRight(line, " ") != line {
			t.Errorf("a comment, or space at the end: %q", line)
		}
		for _, r := range line {
			if r > 126 {
				t.Errorf("%q in %q is not ASCII", r, line)
			}
		}
	}
}

func TestComparison(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	c, err := verdict.Compare(base, next, verdict.Options{BaseName: "before", NewName: "after"})
	if err != nil {
		t.Fatal(err)
	}
	got := Comparison(c)
	checkLines(t, got)
	for _, want := range []string{"tunbench compare: after against before\n\ntwo stored runs, not interleaved\n", "\nworse:", "\nbetter:", "\nnot judged:", "not measured in new", "warning: "} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "no change beyond") && !strings.Contains(got, "without change") {
		t.Errorf("it says that nothing changed:\n%s", got)
	}
}

func TestPairs(t *testing.T) {
	for name, c := range map[string]struct {
		factor      float64
		want, never string
	}{
		"equal":  {1, "\nno change beyond ", "worse"},
		"slower": {0.9, "\nworse: base, new, change, 95% interval\n", "no change beyond 3% in 1 of 1"},
		"faster": {1.1, "\nbetter: base, new, change, 95% interval\n", "no change beyond 3% in 1 of 1"},
	} {
		f := fixture.Pairs(c.factor, 10)
		compared, err := verdict.CompareVariants(f, verdict.Options{BaseName: "run"})
		if err != nil {
			t.Fatal(err)
		}
		got := Comparison(compared)
		checkLines(t, got)
		if !strings.Contains(got, c.want) || strings.Contains(got, c.never) || !strings.Contains(got, "(10 pairs)\n") {
			t.Errorf("%s: want %q, and not %q:\n%s", name, c.want, c.never, got)
		}
	}
}

func TestKernels(t *testing.T) {
	boots := func(name string, send ...float64) verdict.KernelBoots {
		k := verdict.KernelBoots{Name: name}
		for _, v := range send {
			f := fixture.Boot(record.Bare, true, v, v*1.0001, v) // in virtual time
			for _, t := range f.Trials {
				t.Metrics[record.RecvNsPerPkt] = 2000
			}
			k.Boots = append(k.Boots, []*record.File{f})
		}
		return k
	}
	cheaper := func(k verdict.KernelBoots) verdict.KernelBoots {
		for _, boot := range k.Boots {
			for _, one := range boot[0].Trials {
				one.Metrics[record.RecvNsPerPkt] = 1500
			}
		}
		return k
	}
	for name, c := range map[string]struct {
		lab  []verdict.KernelBoots
		want string
	}{
		"equal":  {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), boots("6.1.0-2-amd64", 5000, 5001)}, "no change beyond 0.50% in 1 of 1 (2 boots, instructions)\n"},
		"slower": {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), boots("6.1.0-2-amd64", 5400, 5401)}, "1 worse, of 1 scenario (2 boots, instructions)\n"},
		"mixed":  {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), cheaper(boots("6.1.0-2-amd64", 5400, 5401))}, "1 both worse and better, of 1 scenario (2 boots, instructions)\n"},
		"single": {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001)}, "nothing was compared"},
		"lost":   {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), {Name: "6.1.0-2-amd64", Boots: [][]*record.File{nil, nil}}}, "Nothing could be judged"},
	} {
		got := Kernels(verdict.NewLab(c.lab))
		checkLines(t, got)
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: no %q in\n%s", name, c.want, got)
		}
		if c.want != "no change beyond 0.50% in 1 of 1 (2 boots, instructions)\n" && strings.Contains(got, "no change beyond") {
			t.Errorf("%s: it says that nothing changed:\n%s", name, got)
		}
	}
}

// A cost that never settled in some boot is marked, and the message says what the mark means.
func TestUnsettled(t *testing.T) {
	boots := func(name string, flags ...string) verdict.KernelBoots {
		k := verdict.KernelBoots{Name: name}
		for range 2 {
			f := fixture.Boot(record.Bare, true, 5000, 5001, 5000)
			for i := range f.Trials {
				f.Trials[i].Flags = flags
				f.Trials[i].Metrics[record.RecvNsPerPkt] = 2000
			}
			k.Boots = append(k.Boots, []*record.File{f})
		}
		return k
	}
	const says = "* not constant: in some boots the trials never agreed to 0.1% five times\n  in a row\n"
	for what, c := range map[string]struct {
		flags []string
		want  int
	}{"settled": {nil, 0}, "unsettled": {[]string{record.FlagUnsettled}, 1}} {
		got := Kernels(verdict.NewLab([]verdict.KernelBoots{boots("6.1.0-1-amd64"), boots("6.1.0-2-amd64", c.flags...)}))
		checkLines(t, got)
		if strings.Count(got, says) != c.want || strings.Count(got, "send*  ") != c.want || strings.Count(got, "receive*  ") != c.want {
			t.Errorf("%s:\n%s", what, got)
		}
	}
}

// The paths of stored runs are those of one machine; the subject says what tells them apart.
func TestApart(t *testing.T) {
	for _, c := range [][4]string{
		{"before", "after", "before", "after"},
		{"/home/me/runs/before", "/home/me/runs/after/run.jsonl", "before", "after"},
		{"before/run.jsonl", "after/run.jsonl", "before", "after"},
		{"/runs/monday/vpn", "/runs/tuesday/vpn/", "monday/vpn", "tuesday/vpn"},
		{"/runs", "/runs/old", "runs", "runs/old"},
		{"/runs/same", "/runs/same", "same", "same"},
		{"run.jsonl", "other/run.jsonl", "run.jsonl", "other"},
	} {
		if a, b := apart(c[0], c[1]); a != c[2] || b != c[3] {
			t.Errorf("%s, %s: got %s and %s, want %s and %s", c[0], c[1], a, b, c[2], c[3])
		}
	}
}

// A subject that is too long for git is a shorter one, and the message begins with the long
// one.
func TestLongNames(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	long := strings.Repeat("long", 10)
	c, err := verdict.Compare(base, next, verdict.Options{BaseName: "before-" + long, NewName: "after"})
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, Comparison(c))
	if got, want := Comparison(c), "tunbench: after against before-"+long+"\n\n"; !strings.HasPrefix(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	c, err = verdict.Compare(base, next, verdict.Options{BaseName: "before-" + long, NewName: "after-" + long})
	if err != nil {
		t.Fatal(err)
	}
	checkLines(t, Comparison(c))
	if got := Comparison(c); !strings.HasPrefix(got, "tunbench: a comparison\n\ntunbench compare: after-"+long) {
		t.Errorf("no names in\n%s", got)
	}
}

// The subject of tunbench ab, where its variants are too long for git, is what they differ in.
func TestDiffering(t *testing.T) {
	for _, c := range [][4]string{
		{"a: Tun/dir=k2u/size=64/module=on", "b: Tun/dir=k2u/size=64/module=each", "a: module=on", "b: module=each"},
		{"a: Tun/dir=k2u/size=64", "b: Tun/dir=k2u/size=64/vnet=10/offload=tso", "a", "b: vnet=10 offload=tso"},
		{"a: bare", "b: observed", "a: bare", "b: observed"},
	} {
		if a, b := differing(c[0], c[1]); a != c[2] || b != c[3] {
			t.Errorf("%s, %s: got %q and %q, want %q and %q", c[0], c[1], a, b, c[2], c[3])
		}
	}
	base, next := fixture.BeforeAndAfter()
	c, err := verdict.Compare(base, next, verdict.Options{})
	if err != nil {
		t.Fatal(err)
	}
	long := "Tun/path=relay/dir=k2u/gen=tcp/queues=1/flows=8/size=1500/qdisc=fq_codel/"
	c.Paired, c.Base.Name, c.New.Name = true, "a: "+long+"module=on", "b: "+long+"module=each"
	checkLines(t, Comparison(c))
	if got, want := Comparison(c), "tunbench ab: b: module=each against a: module=on\n\n"; !strings.HasPrefix(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

// The costs of a comparison in virtual time are instructions.
func TestVirtualTimeOfComparison(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	c, err := verdict.Compare(base, next, verdict.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v := c.Verdicts[0]
	before, after := 31_959.0, 34_060.0
	v.Metric, v.Base, v.New = record.CPUNsPerPkt, &before, &after
	for unit, others := range map[string]string{"ns": "34,060 instructions", metric.Instructions: "34,060 ns"} {
		v.Unit = unit
		c.Verdicts = []record.Verdict{v}
		if got := Comparison(c); !strings.Contains(got, "34,060 "+unit) || strings.Contains(got, others) {
			t.Errorf("in %s:\n%s", unit, got)
		}
	}
}

// A name for which there is no room beside its figures is indented as the other rows are.
func TestLongRow(t *testing.T) {
	var b strings.Builder
	name := "gen=udp-gso vnet=10 offload=uso queues=4 flows=64 size=1500 io=uring steer=ebpf-cpu"
	table(&b, []row{{scenario: name, figure: "pps", base: "4,497 kpps", new: "4,002 kpps", change: "-7.56%", within: "-20.53 to +12.81%"}})
	for _, line := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		if !strings.HasPrefix(line, "  ") || screen.Width(line) > Width {
			t.Errorf("a line of %d columns: %q", screen.Width(line), line)
		}
	}
	if !strings.HasPrefix(b.String(), "  gen=udp-gso") {
		t.Errorf("the name is not at the indent of rows:\n%s", b.String())
	}
}
