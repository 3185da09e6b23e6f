package export

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// The figures of a row are those that its change is of: one state of the cost, of
// which the marks tell what the medians over boots are.
func TestChangeIsOfTheFiguresBesideIt(t *testing.T) {
	kernel := func(name string, boots ...[]float64) verdict.KernelBoots {
		k := verdict.KernelBoots{Name: name}
		for _, costs := range boots {
			f := &record.File{Run: &record.Run{Kind: record.KindRun, Schema: 1, Clock: record.ClockICount, Hook: record.Hook{Used: "none"}}, End: &record.End{}}
			for i, v := range costs {
				f.Trials = append(f.Trials, record.Trial{
					Scenario: "Tun/dir=k2u/gen=lockstep/queues=1/size=1500", Arm: record.Bare, Trial: i + 1,
					Metrics: map[string]float64{record.SendNsPerPkt: v, record.RecvNsPerPkt: 3260},
				})
			}
			k.Boots = append(k.Boots, []*record.File{f})
		}
		return k
	}
	one := []float64{7369, 7369, 7369, 7369, 7369}
	// Of ten trials seven cost 5,344, but the median of one boot is 5,148.
	k := []verdict.KernelBoots{kernel("6.1", one, one), kernel("6.12", []float64{5344, 5344, 5344, 5344, 5344}, []float64{5344, 5148, 5148, 5148, 5344})}
	var b bytes.Buffer
	if err := kernelsMarkdown(&b, k); err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(b.String(), "## Cost of a packet")
	if got, want := strings.Join(rowOf(t, table, "size=1500")[1:4], " "), "7,369 5,344 **−27.48**"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !strings.Contains(table, "send: one state of several; over all boots 7,369 and 5,246") {
		t.Errorf("the medians over boots are not told:\n%s", table)
	}
	v := verdict.KernelVerdicts(k)[0]
	if *v.Base != 7369 || *v.New != 5344 || math.Abs(*v.Change+0.2748) > 1e-4 || !slices.Contains(v.Notes, "compared in one state of the cost; the medians over boots are 7,369 and 5,246") {
		t.Errorf("%v to %v by %v, %q", *v.Base, *v.New, *v.Change, v.Notes)
	}
	holds(t, "states", checkKernels(k))
	// Where there is one state, nothing is said of it.
	b.Reset()
	if err := kernelsMarkdown(&b, []verdict.KernelBoots{kernel("6.1", one, one), kernel("6.12", one, one)}); err != nil || strings.Contains(b.String(), "one state of several") {
		t.Errorf("a cost of one state: %v\n%s", err, b.String())
	}
}
