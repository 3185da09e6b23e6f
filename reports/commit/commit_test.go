package commit

import (
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/verdict"
)

// checkLines fails where a line is too long for a message, or would be taken for a comment.
func checkLines(t *testing.T, s string) {
	t.Helper()
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
	for _, want := range []string{"tunbench compare: after against before (stored runs, not interleaved)\n", "\nworse:", "\nbetter:", "\nnot judged:", "not measured in new", "warning: "} {
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
	for name, c := range map[string]struct {
		lab  []verdict.KernelBoots
		want string
	}{
		"equal":  {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), boots("6.1.0-2-amd64", 5000, 5001)}, "no change beyond 0.50% in 1 of 1 (2 boots, instructions)\n"},
		"slower": {[]verdict.KernelBoots{boots("6.1.0-1-amd64", 5000, 5001), boots("6.1.0-2-amd64", 5400, 5401)}, "1 worse, of 1 scenario (2 boots, instructions)\n"},
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
