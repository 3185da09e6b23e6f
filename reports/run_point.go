package reports

import (
	"fmt"
	"slices"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

func points(f *record.File, list []*scenario) (p []prose) {
	title := named(list)
	best := func(metric string) (top *scenario, v float64) {
		for _, s := range list {
			if m, ok := s.head().metric(metric); ok && !s.head().invalid && !short(s) && m.Median > v {
				top, v = s, m.Median
			}
		}
		return top, v
	}
	if s, v := best(record.PPS); s != nil {
		sc := rateScale(v)
		p = append(p, say("Most packets: ", bold(sc.format(v)+" "+sc.unit), " with ", mono(title(s)), "."))
	}
	if s, v := best(record.BitPerS); s != nil {
		p = append(p, say("Most data: ", bold(figure(v/1e9)+" Gbit/s"), " with ", mono(title(s)), "."))
	}
	if brief := slices.DeleteFunc(slices.Clone(list), func(s *scenario) bool { return !short(s) }); len(brief) > 0 {
		p = append(p, say(fmt.Sprintf("Nothing is quoted of %s, with trials that measured for less than %v.",
			plural(len(brief), "scenario", "scenarios"), time.Duration(record.LeastMeasureNs))))
	}
	if c := allCosts(list); len(c) > 0 {
		if sum, err := stat.Summarize(c); err == nil {
			p = append(p, say("The observer changed the packet rate by ", bold(change(sum.Median)), " (median of "+plural(sum.N, "pair", "pairs")+")."))
		}
	}
	if line := sees(f.Run.Sees); len(line) > 0 {
		p = append(p, line)
	}
	p = append(p, append(say("Accounting: "), ledgerLine(account(allTrials(list)))...))
	trials := allTrials(list)
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
		line := say(fmt.Sprintf("%d of %s flagged", marked, plural(len(trials), "trial is", "trials are")))
		if dead > 0 {
			line = append(line, say(", ", bold(fmt.Sprintf("%d of them invalid", dead)))...)
		}
		p = append(p, append(line, say(".")...))
	}
	arms := 0
	for _, s := range f.Skips {
		if s.Arm != "" {
			arms++
		}
	}
	if n := len(f.Skips) - arms; n > 0 {
		p = append(p, say(plural(n, "scenario was", "scenarios were")+" skipped."))
	}
	if arms > 0 {
		p = append(p, say(plural(arms, "scenario was", "scenarios were")+" measured bare only: the observer cannot see what passes there."))
	}
	return p
}

func ledgerLine(l ledger) prose {
	p := say(fmt.Sprintf("%s packets offered = %s accepted + %s pushed back; accepted = %s delivered + %s dropped + ",
		count(l.offered), count(l.accepted), count(l.pushedBack), count(l.delivered), count(l.dropped)),
		bold(signed(l.net)+" unexplained"), ".")
	if l.open > 0 {
		p = append(p, say(" ", bold("Unaccounted packets: "+count(l.unexplained)+" in "+plural(l.open, "trial", "trials")), ".")...)
	}
	if l.contradicting > 0 {
		p = append(p, say(" ", bold(plural(l.contradicting, "trial does", "trials do")+" not add up"), ".")...)
	}
	return p
}
