package verdict

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/shift"
)

// This file decides which scenarios of two stored runs are judged by their ratio to the
// yardstick over loopback, and by which values.

// ByRatio is the note of a verdict on a rate that was judged by its ratio to loopback.
const ByRatio = "judged by the ratio to loopback"

// against begins the note that says what a verdict is against, and spoilt ends the one about
// pairs that do not count.
const (
	against = "against "
	spoilt  = " were spoilt and made again"
)

// Against is the note of a verdict on a scenario whose base has another name or hook.
func Against(base string) string { return against + base }

// Spoilt is the note of a verdict for which n of so many pairs were made again.
func Spoilt(n, of int, why string) string {
	return fmt.Sprintf("%d of %d pairs"+spoilt+": %s", n, of, why)
}

// Circumstance reports whether a note says how a verdict came about, and not why there is
// none.
func Circumstance(note string) bool {
	return note == ByRatio || strings.HasPrefix(note, against) || strings.Contains(note, spoilt)
}

// ratioTest is an open verdict on a rate, which is judged by its ratio to loopback.
type ratioTest struct {
	at       int // index in done.Verdicts
	gate     metric.Gate
	scenario shift.Scenario
}

// ratios returns the ratios to the yardstick of the used trials of a. Where the load sets
// the rate, its ratio says nothing about the device: there are none.
func ratios(a figure.Arm) (values []shift.Value) {
	for _, t := range a.Used {
		v := t.Metrics[record.LoopbackRatio]
		if t.Yardstick == nil || !(v > 0) || math.IsInf(v, 0) || metric.OpenLoop(t) {
			continue
		}
		// Blocks of different shards were measured at different times.
		values = append(values, shift.Value{Block: t.Shard<<32 + t.Pair, Log: math.Log(v)})
	}
	return values
}

// hasYardstick reports whether a trial of a has a yardstick.
func hasYardstick(a figure.Arm) bool { return len(ratios(a)) > 0 }

// Ratio returns the median ratio to the yardstick over the used trials of a, and what may
// not differ between two such ratios that are compared; 0 and "" where they have none.
func Ratio(a figure.Arm) (ratio float64, yardstick string) {
	var x []float64
	for _, v := range ratios(a) {
		x = append(x, math.Exp(v.Log))
	}
	if len(x) == 0 {
		return 0, ""
	}
	return Middle(x), distinct(a, yardstickKind) + ", " + distinct(a, yardstickPlace)
}

func yardstickKind(t *record.Trial) string { return t.Yardstick.Kind }

func yardstickPlace(t *record.Trial) string {
	return fmt.Sprintf("senders on CPUs %v and readers on CPUs %v", t.CPUs.Sender, t.CPUs.Reader)
}

// yardstickDifferences are the differences between the yardsticks of two sides that both
// have one.
func yardstickDifferences(a, b figure.Arm) (list []difference) {
	differs := func(field, what string, of func(*record.Trial) string) {
		if x, y := distinct(a, of), distinct(b, of); x != y {
			list = append(list, difference{field, fmt.Sprintf("the yardstick over loopback differs in %s: %s, %s", what, x, y)})
		}
	}
	differs(figure.AllowTool, "kind", yardstickKind)
	differs(figure.AllowCPU, "placement", yardstickPlace)
	return list
}

// distinct joins the values of the used trials of a that have a yardstick, each once.
func distinct(a figure.Arm, of func(*record.Trial) string) string {
	var values []string
	for _, t := range a.Used {
		if t.Yardstick != nil {
			values = append(values, of(t))
		}
	}
	slices.Sort(values)
	return strings.Join(slices.Compact(values), " / ")
}

// sharing are the axes of which a value of one and a value of another make a group too: a
// slower reader shows where user space reads, and so on.
var sharing = []string{"dir", "io", "path"}

// groupsOf names the groups that the scenario of t belongs to: a value of an axis, or of
// two.
func groupsOf(t *record.Trial) (groups []string) {
	mode, _ := axis.Split(t.Scenario)
	groups = append(groups, "mode="+strings.ToLower(mode))
	for _, name := range record.Axes {
		if v := axis.Of(t, name); v != "" && name != "mode" {
			groups = append(groups, name+"="+v)
		}
	}
	for i, one := range sharing {
		for _, other := range sharing[i+1:] {
			v, w := axis.Of(t, one), axis.Of(t, other)
			if v != "" && w != "" {
				groups = append(groups, one+"="+v+" "+other+"="+w)
			}
		}
	}
	return groups
}
