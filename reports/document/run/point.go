package run

import (
	"fmt"
	"slices"
	"time"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

func Points(f *record.File, list []*figure.Scenario) (p []prose.Prose) {
	title := figure.Named(list)
	best := func(metric string) (top *figure.Scenario, v float64) {
		for _, s := range list {
			if m, ok := s.Head().Metric(metric); ok && !s.Head().Invalid && !figure.Short(s) && m.Median > v {
				top, v = s, m.Median
			}
		}
		return top, v
	}
	if s, v := best(record.PPS); s != nil {
		sc := text.RateScale(v)
		p = append(p, prose.Say("Most packets: ", prose.Bold(sc.Format(v)+" "+sc.Unit), " with ", prose.Mono(title(s)), "."))
	}
	if s, v := best(record.BitPerS); s != nil {
		p = append(p, prose.Say("Most data: ", prose.Bold(text.Figure(v/1e9)+" Gbit/s"), " with ", prose.Mono(title(s)), "."))
	}
	if brief := slices.DeleteFunc(slices.Clone(list), func(s *figure.Scenario) bool { return !figure.Short(s) }); len(brief) > 0 {
		p = append(p, prose.Say(fmt.Sprintf("Nothing is quoted of %s, with trials that measured for less than %v.",
			text.Plural(len(brief), "scenario", "scenarios"), time.Duration(record.LeastMeasureNs))))
	}
	if c := figure.AllCosts(list); len(c) > 0 {
		if sum, err := stat.Summarize(c); err == nil {
			p = append(p, prose.Say("The observer changed the packet rate by ", prose.Bold(text.Change(sum.Median)), " (median of "+text.Plural(sum.N, "pair", "pairs")+")."))
		}
	}
	if line := document.Sees(f.Run.Sees); len(line) > 0 {
		p = append(p, line)
	}
	p = append(p, append(prose.Say("Accounting: "), ledgerLine(figure.Account(figure.AllTrials(list)))...))
	trials := figure.AllTrials(list)
	marked, dead := 0, 0
	for _, t := range trials {
		if len(t.Flags) > 0 {
			marked++
		}
		if t.Invalid() {
			dead++
		}
	}
	if marked > 0 {
		line := prose.Say(fmt.Sprintf("%d of %s flagged", marked, text.Plural(len(trials), "trial is", "trials are")))
		if dead > 0 {
			line = append(line, prose.Say(", ", prose.Bold(fmt.Sprintf("%d of them invalid", dead)))...)
		}
		p = append(p, append(line, prose.Say(".")...))
	}
	arms := 0
	for _, s := range f.Skips {
		if s.Arm != "" {
			arms++
		}
	}
	if n := len(f.Skips) - arms; n > 0 {
		p = append(p, prose.Say(text.Plural(n, "scenario was", "scenarios were")+" skipped."))
	}
	if arms > 0 {
		p = append(p, prose.Say(text.Plural(arms, "scenario was", "scenarios were")+" measured bare only: the observer cannot see what passes there."))
	}
	return p
}

func ledgerLine(l figure.Ledger) prose.Prose {
	p := prose.Say(fmt.Sprintf("%s packets offered = %s accepted + %s pushed back; accepted = %s delivered + %s dropped + ",
		text.Count(l.Offered), text.Count(l.Accepted), text.Count(l.PushedBack), text.Count(l.Delivered), text.Count(l.Dropped)),
		prose.Bold(text.Signed(l.Net)+" unexplained"), ".")
	if l.Open > 0 {
		p = append(p, prose.Say(" ", prose.Bold("Unaccounted packets: "+text.Count(l.Unexplained)+" in "+text.Plural(l.Open, "trial", "trials")), ".")...)
	}
	if l.Contradicting > 0 {
		p = append(p, prose.Say(" ", prose.Bold(text.Plural(l.Contradicting, "trial does", "trials do")+" not add up"), ".")...)
	}
	return p
}
