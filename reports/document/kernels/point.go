package kernels

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// points says what changed on a kernel.
func points(l Text, next *verdict.Kernel) (p []prose.Prose) {
	base := l.Kernels[0]
	if verdicts := counted(l, next); verdicts != "" {
		threshold := ""
		if l.Virtual() {
			threshold = metric.ThresholdText(record.Verdict{Threshold: metric.VirtualThreshold})
		}
		p = append(p, book.Say("verdicts", prose.Values{"New": next.Short, "Base": base.Short, "Counts": verdicts, "Threshold": threshold}))
	}
	for _, side := range verdict.PacketCosts {
		if s := shiftsOf(l, next, side.Metric); s.some() {
			p = append(p, s.say(next.Short, base.Short, side.Name))
		}
	}
	return p
}

// counted says how many verdicts of each kind next has, the worst first.
func counted(l Text, next *verdict.Kernel) string {
	n := map[string]int{}
	for _, scenario := range l.Scenarios {
		for _, side := range verdict.PacketCosts {
			n[l.Verdict(l.Kernels[0], next, scenario, side.Metric).Verdict.Verdict]++
		}
	}
	var parts []string
	for _, k := range verdict.Kinds {
		if n[k.Verdict] > 0 {
			parts = append(parts, strconv.Itoa(n[k.Verdict])+" "+k.Verdict)
		}
	}
	return strings.Join(parts, ", ")
}

// shifts are the changes of one side's cost on a kernel, by what is known of them.
type shifts struct {
	beyond, within []float64 // the spread from boot to boot
	unknown        []float64 // measured in one boot
	absent         int       // scenarios that one kernel did not measure
}

func shiftsOf(l Text, next *verdict.Kernel, metric string) (s shifts) {
	for _, name := range l.Scenarios {
		shift := verdict.NewShift(l.Kernels[0].Cost(name, metric), next.Cost(name, metric))
		seen, known := shift.Seen()
		switch {
		case shift.Change == nil:
			s.absent++
		case !known:
			s.unknown = append(s.unknown, *shift.Change)
		case seen:
			s.beyond = append(s.beyond, *shift.Change)
		default:
			s.within = append(s.within, *shift.Change)
		}
	}
	return s
}

// some reports whether there is any change to speak of.
func (s shifts) some() bool { return len(s.beyond)+len(s.within)+len(s.unknown) > 0 }

// brief says in how many scenarios the cost changed by more than the spread.
func (s shifts) brief() string {
	dearer := 0
	for _, v := range s.beyond {
		if v > 0 {
			dearer++
		}
	}
	return book.Text("chart changes", prose.Values{
		"Dearer": dearer, "Cheaper": len(s.beyond) - dearer, "N": len(s.beyond) + len(s.within) + len(s.unknown),
	})
}

func (s shifts) say(next, base, side string) prose.Prose {
	changed, median, unknown := "", "", ""
	if sum, err := stat.Summarize(s.beyond); err == nil {
		changed, median = reach(sum), text.Precisely(sum.Median)
	}
	if sum, err := stat.Summarize(s.unknown); err == nil {
		unknown = reach(sum)
	}
	return book.Say("changes", prose.Values{
		"New": next, "Base": base, "Side": side, "Known": len(s.beyond) + len(s.within), "Changed": len(s.beyond), "Reach": changed, "Median": median,
		"Still": len(s.within), "Unknown": len(s.unknown), "UnknownReach": unknown, "Absent": s.absent,
	})
}

// stability says how far the figures of each kernel repeat.
func stability(l Text) (p []prose.Prose) {
	unsettled := 0
	for _, k := range l.Kernels {
		var spreads []float64
		for _, name := range l.Scenarios {
			for _, side := range verdict.PacketCosts {
				if c := k.Cost(name, side.Metric); c != nil && len(c.Boots) > 1 {
					spreads = append(spreads, c.Spread)
				}
			}
			if slices.ContainsFunc(k.Bare[name], func(r verdict.Reading) bool { return r.Unsettled }) {
				unsettled++
			}
		}
		if s, err := stat.Summarize(spreads); err == nil {
			p = append(p, book.Say("spread", prose.Values{"Kernel": k.Short, "Median": text.Percent(s.Median), "Most": text.Percent(s.Max)}))
		}
	}
	if unsettled > 0 {
		p = append(p, book.Say("unsettled", prose.Values{"N": unsettled}))
	}
	return p
}
