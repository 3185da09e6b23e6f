package reports

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// ComparisonMarkdown writes the report of c in GitHub's markdown, without
// charts. The same comparison gives the same bytes.
func ComparisonMarkdown(w io.Writer, c *Comparison) error {
	return markdown(w, newContrast(c).document(), Options{})
}

// WriteComparison writes the report of c and its charts into dir, as Write does
// for one run.
func WriteComparison(dir string, c *Comparison) error {
	return writeDocument(dir, newContrast(c).document())
}

// summaryWidth is the number of columns that a summary keeps to.
const summaryWidth = 99

// fewVerdicts is how many verdicts that are neither a regression nor an
// improvement a summary lists; of more it gives the counts.
const fewVerdicts = 8

// ComparisonSummary writes c for a terminal: what regressed, what improved, and
// how much of the rest there is. Where w is a terminal, it keeps to its width and
// its colours.
func ComparisonSummary(w io.Writer, c *Comparison) error {
	if _, err := w.Write(newContrast(c).summary(proseScreen(w))); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Headlines are what a reader must know before any verdict of c: that nothing
// could be judged, and what the new side does not have.
func Headlines(c *Comparison) (lines []string) {
	for _, p := range newContrast(c).headlines() {
		lines = append(lines, plainText(p))
	}
	return lines
}

// proseScreen is that of w, with lines that are not too long to be read.
func proseScreen(w io.Writer) screen.Screen {
	to := screen.Of(w)
	if to.Columns == 0 || to.Columns > summaryWidth {
		to.Columns = summaryWidth
	}
	return to
}

func (s *contrast) summary(to screen.Screen) []byte {
	var b bytes.Buffer
	for _, p := range s.headlines() {
		tone := screen.Bad
		if s.AllowMissing {
			tone = screen.Caution
		}
		wrapped(&b, to, tone, plainText(p))
	}
	if b.Len() > 0 {
		fmt.Fprintln(&b)
	}
	listed := 0
	list := func(name string, rows []record.Verdict) {
		if len(rows) > 0 {
			listed += len(rows)
			fmt.Fprintf(&b, "%s\n", to.Paint(verdictTone(rows[0].Verdict), name+":"))
			s.grouped(&b, to, rows)
			fmt.Fprintln(&b)
		}
	}
	list("Regressed", s.regressed)
	list("Improved", s.improved)
	few := len(s.Verdicts)-listed <= fewVerdicts
	if few {
		for _, k := range kinds[4:] {
			list(strings.ToUpper(k.verdict[:1])+k.verdict[1:], s.of(k.verdict))
		}
	}
	if len(s.common) > 0 && listed > 0 {
		wrapped(&b, to, screen.Plain, "all scenarios: "+printable(strings.Join(s.common, " ")))
		fmt.Fprintln(&b)
	}
	for i, p := range s.points() {
		tone := screen.Plain
		switch {
		case i == 0 && len(s.regressed) > 0:
			tone = screen.Bad
		case i == 1 && len(s.improved) > 0:
			tone = screen.Good
		}
		wrapped(&b, to, tone, plainText(p))
	}
	if few {
		for _, r := range s.reasons(record.Inconclusive) {
			where := "Inconclusive in " + plural(r.n, "verdict", "verdicts")
			if r.n > 1 && r.n == len(s.Verdicts) {
				where = "All verdicts"
			}
			wrapped(&b, to, screen.Plain, where+": "+printable(r.note)+".")
		}
	}
	for _, a := range s.cautions() {
		wrapped(&b, to, screen.Caution, "warning: "+plainText(a))
	}
	return b.Bytes()
}

// verdictTone is how a verdict is shown.
func verdictTone(verdict string) screen.Tone {
	switch verdict {
	case record.Regression, record.IndicativeRegression, record.InvalidVerdict:
		return screen.Bad
	case record.Improvement, record.IndicativeImprovement, record.Equivalent:
		return screen.Good
	case record.Inconclusive, record.NotComparable:
		return screen.Caution
	}
	return screen.Plain
}

// grouped writes verdicts below the names of their scenarios. Where a line has no
// room, how sure a change is goes on below it.
func (s *contrast) grouped(b *bytes.Buffer, to screen.Screen, rows []record.Verdict) {
	const change = 3 // the column
	t := table{columns: slices.Concat(text("metric"), numeric("base", "new", "change", "95 % interval", "threshold", "p", "n"))}
	for _, v := range rows {
		t.rows = append(t.rows, row(v.Metric, quantity(v.Metric, v.Base), quantity(v.Metric, v.New), moved(v), ciText(v), thresholdText(v), pvalue(v.P), v.N))
	}
	single := to
	single.Columns = 0 // a line a verdict
	write := func() (lines []string, wide int) {
		var b bytes.Buffer
		wide = textTable(&b, single, t, func(row, column int) screen.Tone {
			if column == change {
				return verdictTone(rows[row].Verdict)
			}
			return screen.Plain
		})
		return strings.Split(strings.TrimRight(b.String(), "\n"), "\n"), wide
	}
	const outer, inner = "  ", "    "
	lines, wide := write()
	var below []string
	if len(inner)+wide > to.Columns {
		t.columns = t.columns[:change+1]
		for i, r := range t.rows {
			below = append(below, to.Text("95 % interval "+plainText(r[change+1])+", threshold "+plainText(r[change+2])+", p "+plainText(r[change+3])+", n "+plainText(r[change+4])))
			t.rows[i] = r[:change+1]
		}
		lines, _ = write()
	}
	fmt.Fprintln(b, inner+lines[0])
	scenario := ""
	for i, v := range rows {
		if i == 0 || v.Scenario != scenario {
			scenario = v.Scenario
			fmt.Fprintln(b, outer+to.Clip(to.Text(printable(s.name(scenario))), to.Columns-len(outer)))
		}
		fmt.Fprintln(b, inner+lines[i+1])
		if below != nil {
			fmt.Fprintln(b, inner+outer+to.Paint(screen.Faint, below[i]))
		}
	}
}

// contrast is a Comparison with what its report needs beside the verdicts.
type contrast struct {
	*Comparison
	scenarios           []string // in order
	common              []string // axes of all of them
	modes               int
	regressed, improved []record.Verdict // the largest change first
}

func newContrast(c *Comparison) *contrast {
	s := &contrast{Comparison: c}
	var modes []string
	for _, v := range slices.Concat(c.Verdicts, c.Shown) {
		if !slices.Contains(s.scenarios, v.Scenario) {
			s.scenarios = append(s.scenarios, v.Scenario)
			if mode, _ := split(v.Scenario); !slices.Contains(modes, mode) {
				modes = append(modes, mode)
			}
		}
	}
	slices.SortFunc(s.scenarios, compareNames)
	s.common, s.modes = commonAxes(s.scenarios), len(modes)
	s.regressed = s.of(record.Regression, record.IndicativeRegression)
	s.improved = s.of(record.Improvement, record.IndicativeImprovement)
	return s
}

// of gives the verdicts that are one of kinds: scenarios by their largest
// change, in multiples of the threshold, and the metrics of each together.
func (s *contrast) of(kinds ...string) []record.Verdict {
	var list []record.Verdict
	weight := map[string]float64{}
	for _, v := range s.Verdicts {
		if slices.Contains(kinds, v.Verdict) {
			list = append(list, v)
			if v.Change != nil && v.Threshold > 0 {
				weight[v.Scenario] = max(weight[v.Scenario], math.Abs(*v.Change)/v.Threshold)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b record.Verdict) int {
		return cmp.Or(cmp.Compare(weight[b.Scenario], weight[a.Scenario]), compareNames(a.Scenario, b.Scenario))
	})
	return list
}

// name gives what to call a scenario in the tables.
func (s *contrast) name(scenario string) string {
	own := label(scenario, s.common)
	if s.modes < 2 && len(s.common) > 0 {
		return own
	}
	mode, _ := split(scenario)
	return mode + " " + own
}

func (s *contrast) document() document {
	d := document{title: "tunbench: " + s.New.Name + " against " + s.Base.Name, alerts: s.alerts(), lead: s.lead(), points: s.points()}
	d.sections = append(d.sections,
		s.changed("Regressed", s.regressed, "Nothing regressed."),
		s.changed("Improved", s.improved, "Nothing improved."),
		s.rest())
	for _, part := range []func() (section, bool){s.charts, s.onlyOnes, s.differences} {
		if sec, ok := part(); ok {
			d.sections = append(d.sections, sec)
		}
	}
	return d
}

func (s *contrast) alerts() (a []prose) { return slices.Concat(s.headlines(), s.cautions()) }

// headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios the new side does not have.
func (s *contrast) headlines() (a []prose) {
	missing := s.lacking(record.NewSide)
	if s.rule().Unjudged(s.Verdicts) {
		why := "no scenario was measured on both sides"
		var notes []string
		for _, v := range s.Verdicts {
			if v.Missing == "" {
				for _, n := range v.Notes {
					if !slices.Contains(notes, n) {
						notes = append(notes, n)
					}
				}
			}
		}
		switch {
		case len(notes) > 0:
			why = strings.Join(notes[:min(len(notes), fewVerdicts)], "; ")
		case len(s.Verdicts) == 0:
			why = "there is no figure to compare"
		}
		a = append(a, say(bold("Nothing could be judged:"), " "+why+"."))
	}
	if n := len(missing); n > 0 {
		line := say(bold("Not judged, since new does not have "+map[bool]string{true: "it", false: "them"}[n == 1]+":"), " ")
		for i, v := range missing[:min(n, fewVerdicts)] {
			if i > 0 {
				line = append(line, say("; ")...)
			}
			line = append(line, say(mono(v.Scenario))...)
			line = append(line, say(" ("+strings.TrimPrefix(strings.Join(v.Notes, "; "), record.NewSide+": ")+")")...)
		}
		if more := n - fewVerdicts; more > 0 {
			line = append(line, say("; and "+strconv.Itoa(more)+" more")...)
		}
		if s.AllowMissing {
			line = append(line, say("; allowed by --allow missing")...)
		} else {
			line = append(line, say(" (--allow missing)")...)
		}
		a = append(a, append(line, say(".")...))
	}
	return a
}

// lacking are the verdicts on what that side does not have.
func (s *contrast) lacking(side string) (list []record.Verdict) {
	for _, v := range s.Verdicts {
		if v.Missing == side {
			list = append(list, v)
		}
	}
	return list
}

// cautions are for the reader, before any figure.
func (s *contrast) cautions() (a []prose) {
	for _, side := range []Side{s.Base, s.New} {
		if side.Cut {
			what := side.Name
			if s.Paired {
				what = "The run"
			}
			a = append(a, say(bold(what+" was interrupted:"), " it has no end record. What was finished is compared."))
		}
		for _, w := range side.Warnings {
			a = append(a, say(w+" ("+side.Name+")."))
		}
		if s.Paired {
			break // both come from one file
		}
	}
	for _, r := range s.reasons(record.NotComparable) {
		a = append(a, say(bold("Not comparable"), " in "+plural(r.n, "verdict", "verdicts")+": "+r.note+"."))
	}
	for _, w := range s.Warnings {
		a = append(a, say(w, "."))
	}
	if len(s.Differences) > 0 {
		a = append(a, say(bold("The hosts differ,"), " and part of any change may be that: "+briefly(s.Differences)+"."))
	}
	return a
}

// reason is a note and how many verdicts have it.
type reason struct {
	note string
	n    int
}

// reasons counts the notes of the verdicts of one kind, in their order. What a
// side lacks is told elsewhere.
func (s *contrast) reasons(kind string) (list []reason) {
	for _, v := range s.Verdicts {
		if v.Verdict != kind || v.Missing != "" {
			continue
		}
		for _, note := range v.Notes {
			i := slices.IndexFunc(list, func(r reason) bool { return r.note == note })
			if i < 0 {
				i, list = len(list), append(list, reason{note: note})
			}
			list[i].n++
		}
	}
	return list
}

func (s *contrast) lead() prose {
	p := say(bold(plural(len(s.scenarios), "scenario", "scenarios")), ", "+plural(len(s.Verdicts), "verdict", "verdicts")+".")
	for i, side := range []Side{s.Base, s.New} {
		p = append(p, say([]string{" Base: ", " New: "}[i], bold(side.Name))...)
		if r := side.Run; r != nil {
			p = append(p, say(" (Linux ", mono(cmp.Or(r.Host.Kernel, "unknown")))...)
			if r.Started != "" {
				p = append(p, say(", "+clock(r.Started))...)
			}
			p = append(p, say(")")...)
		}
		p = append(p, say(".")...)
	}
	if s.Paired {
		p = append(p, say(" Trials were interleaved and are judged in pairs: the change is the Hodges-Lehmann estimate, its interval and p are those of the exact signed-rank test. ")...)
	} else {
		p = append(p, say(" The runs were not interleaved, so that a change may be the host's: verdicts are at most indicative. "+
			"The change is the median of all differences between a trial of new and one of base, its interval and p are those of the Mann-Whitney test. ")...)
	}
	p = append(p, say("p is corrected after Holm for all tests of this comparison.")...)
	if s.Base.Run != nil && s.Base.Run.Clock == virtualClock {
		p = append(p, say(" ", bold("Virtual time:"), " "+virtualTime)...)
	}
	return p
}

// kinds of verdicts, in the order in which they are counted.
var kinds = []struct{ verdict, meaning string }{
	{record.Regression, "worse by more than the threshold, and seen again in a fresh block"},
	{record.IndicativeRegression, "worse by more than the threshold, between trials that were not interleaved or not confirmed"},
	{record.Improvement, "better by more than the threshold, and seen again in a fresh block"},
	{record.IndicativeImprovement, "better by more than the threshold, between trials that were not interleaved or not confirmed"},
	{record.Equivalent, "the whole interval lies within the metric's own threshold"},
	{record.Inconclusive, "neither a change nor its absence is shown: more trials would tell"},
	{record.InvalidVerdict, "a gate failed, or a side has no figures: nothing is judged"},
	{record.NotComparable, "the two sides differ in something else than what is compared"},
	{record.UnsupportedVerdict, "one side cannot run the scenario"},
}

// points is the result in a few lines: regressions first. That nothing regressed
// is said of what was decided alone.
func (s *contrast) points() (p []prose) {
	decided := len(s.regressed) + len(s.improved) + s.count(record.Equivalent)
	among := ""
	if open := len(s.Verdicts) - decided - len(s.lacking(record.BaseSide)); open > 0 {
		among = " among the " + plural(decided, "verdict that is decided", "verdicts that are decided")
	}
	for _, group := range []struct {
		list []record.Verdict
		what string
		kind string
	}{{s.regressed, "regression", record.IndicativeRegression}, {s.improved, "improvement", record.IndicativeImprovement}} {
		if len(group.list) == 0 {
			if decided > 0 {
				p = append(p, say("No "+group.what+among+"."))
			}
			continue
		}
		line := say(bold(plural(len(group.list), group.what, group.what+"s")))
		if n := s.count(group.kind); n == len(group.list) {
			line = append(line, say(", indicative")...)
		} else if n > 0 {
			line = append(line, say(", "+strconv.Itoa(n)+" of them indicative")...)
		}
		p = append(p, append(line, say(".")...))
	}
	if n := s.count(record.Equivalent); n > 0 {
		p = append(p, say(plural(n, "verdict is", "verdicts are")+" equivalent: nothing changed by more than the metric's threshold."))
	}
	if n := s.count(record.Inconclusive); n > 0 {
		p = append(p, say(bold(plural(n, "verdict is", "verdicts are")+" inconclusive:"), " neither a change nor its absence is shown."))
	}
	var unjudged []string
	for _, k := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		n := 0
		for _, v := range s.Verdicts {
			if v.Verdict == k && v.Missing == "" {
				n++
			}
		}
		if n > 0 {
			unjudged = append(unjudged, strconv.Itoa(n)+" "+k)
		}
	}
	if len(unjudged) > 0 {
		p = append(p, say(bold("Not judged:"), " "+strings.Join(unjudged, ", ")+"."))
	}
	if n := len(s.lacking(record.BaseSide)); n > 0 {
		p = append(p, say(plural(n, "scenario is", "scenarios are")+" in new alone, and compared with nothing."))
	}
	for _, r := range s.reasons(record.InvalidVerdict) {
		p = append(p, say("Invalid in "+plural(r.n, "verdict", "verdicts")+": "+r.note+"."))
	}
	p = append(p, s.sight()...)
	for _, m := range s.means() {
		p = append(p, say("Geometric mean of new / base, ", mono(m.metric), ": "+decimals(m.ratio, 3)+" over "+plural(m.cells, "scenario", "scenarios")+"; for information, not judged."))
	}
	return p
}

// sight tells what the hosts could see at all, where A/A runs told.
func (s *contrast) sight() (p []prose) {
	for _, side := range []Side{s.Base, s.New} {
		if side.Run == nil {
			continue
		}
		line := sees(side.Run.Sees)
		if len(line) > 0 && !slices.ContainsFunc(p, func(other prose) bool { return slices.Equal(other, line) }) {
			p = append(p, line)
		}
	}
	return p
}

// mean is the geometric mean of new/base over scenarios.
type mean struct {
	metric string
	ratio  float64
	cells  int
}

// means gives one for each metric that is compared by its ratio, over the
// scenarios that both sides measured and that can be compared.
func (s *contrast) means() (list []mean) {
	for _, g := range slices.Concat(gates, virtualGates, rateGates) {
		if g.Absolute {
			continue
		}
		m := mean{metric: g.Metric}
		sum := 0.0
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Base == nil || v.New == nil || *v.Base <= 0 || *v.New <= 0 ||
				v.Verdict == record.NotComparable || v.Verdict == record.InvalidVerdict {
				continue
			}
			sum += math.Log(*v.New) - math.Log(*v.Base)
			m.cells++
		}
		if m.cells > 1 {
			m.ratio = math.Exp(sum / float64(m.cells))
			list = append(list, m)
		}
	}
	return list
}

// changed is the section of what got worse, or better.
func (s *contrast) changed(heading string, list []record.Verdict, none string) section {
	sec := section{heading: heading}
	if len(list) == 0 {
		sec.blocks = append(sec.blocks, say(none))
		return sec
	}
	sec.blocks = append(sec.blocks, s.table(list))
	return sec
}

// table shows verdicts with all that is known of them.
func (s *contrast) table(list []record.Verdict) table {
	t := table{columns: slices.Concat(text("scenario", "metric"), numeric("base", "new", "change", "95 % interval", "p", "n", "threshold"), text("verdict", "notes"))}
	for _, v := range list {
		verdict := any(v.Verdict)
		if v.Verdict == record.Regression || v.Verdict == record.IndicativeRegression {
			verdict = bold(v.Verdict)
		}
		t.rows = append(t.rows, row(s.name(v.Scenario), v.Metric, quantity(v.Metric, v.Base), quantity(v.Metric, v.New),
			moved(v), ciText(v), pvalue(v.P), v.N, thresholdText(v), verdict, strings.Join(v.Notes, "; ")))
	}
	return t
}

// rest counts what neither got worse nor better, and folds every figure.
func (s *contrast) rest() section {
	sec := section{heading: "The rest"}
	counts := table{columns: slices.Concat(text("verdict"), numeric("count"), text("meaning"))}
	for _, k := range kinds[4:] {
		if n := s.count(k.verdict); n > 0 {
			counts.rows = append(counts.rows, row(k.verdict, n, k.meaning))
		}
	}
	if len(counts.rows) == 0 {
		sec.blocks = append(sec.blocks, say("Nothing else was compared."))
	}
	sec.blocks = append(sec.blocks, counts)
	why := table{columns: slices.Concat(text("verdict", "why"), numeric("verdicts"))}
	for _, kind := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		for _, r := range s.reasons(kind) {
			why.rows = append(why.rows, row(kind, r.note, r.n))
		}
	}
	for _, v := range slices.Concat(s.lacking(record.NewSide), s.lacking(record.BaseSide)) {
		why.rows = append(why.rows, row(v.Verdict, s.name(v.Scenario)+": "+strings.Join(v.Notes, "; "), 1))
	}
	sec.blocks = append(sec.blocks, why)
	every := s.table(s.Verdicts)
	every.fold = "Every verdict: " + plural(len(every.rows), "row", "rows")
	if len(s.common) > 0 {
		every.note = say("All scenarios have " + strings.Join(s.common, ", ") + ". ")
	}
	every.note = append(every.note, say(bold("base"), ", ", bold("new"), ": medians over the valid trials. ", bold("change"), ": new / base − 1; of loss and jain the difference, in points and as it is. ",
		bold("threshold"), ": what a change must be beyond; where an A/A run says that the host cannot show less, the interval of an equivalent verdict still lies within the metric's own, in brackets. ",
		bold("p"), ": corrected. ", bold("n"), ": pairs, or valid trials of the side that has fewer.")...)
	shown := s.table(s.Shown)
	shown.fold = "Shown, not judged: " + plural(len(shown.rows), "row", "rows")
	sec.blocks = append(sec.blocks, every, shown)
	return sec
}

// onlyOnes lists what one side did not measure.
func (s *contrast) onlyOnes() (section, bool) {
	t := table{columns: text("scenario", "only in", "what the other says")}
	for _, o := range s.Only {
		t.rows = append(t.rows, row(mono(o.Scenario), o.Side, cmp.Or(o.Why, absent)))
	}
	return section{heading: "Only on one side", blocks: []block{t.folded("Only on one side")}}, len(t.rows) > 0
}

func (s *contrast) differences() (section, bool) {
	sec := section{heading: "What differs between the hosts"}
	if s.Base.Run == nil || s.New.Run == nil {
		return sec, false
	}
	if s.Base.Run == s.New.Run {
		sec.blocks = []block{say("Both sides were measured in one run, on one host.")}
		if builds := s.builds(); len(builds.rows) > 0 {
			sec.blocks = append(sec.blocks, say("Each by a tunbench of its own, whose processes took turns:"), builds)
		}
		return sec, true
	}
	sec.blocks = differing([]party{
		{"base: " + s.Base.Name, runsOf(s.Base.Run)},
		{"new: " + s.New.Name, runsOf(s.New.Run)},
	})
	return sec, true
}

// builds tells which programs measured the two sides, where there were two.
func (s *contrast) builds() table {
	t := table{columns: text("side", "program", "version", "commit", "Go", "SHA-256")}
	for i, letter := range []string{"a", "b"} {
		if b, ok := s.Base.Run.Builds[letter]; ok {
			t.rows = append(t.rows, row([]string{"base", "new"}[i], mono(b.Path), b.Tool.Version, b.Tool.Commit, b.Tool.Go, mono(b.SHA256)))
		}
	}
	return t
}

// charts shows the changes of each metric with their intervals.
func (s *contrast) charts() (section, bool) {
	sec := section{heading: "Changes and their intervals"}
	for _, g := range slices.Concat(gates, virtualGates) {
		if g.Absolute {
			continue
		}
		var rows []changeRow
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Change == nil || v.CI == nil {
				continue
			}
			class := "muted"
			switch v.Verdict {
			case record.Regression, record.IndicativeRegression:
				class = "b"
			case record.Improvement, record.IndicativeImprovement:
				class = "a"
			}
			rows = append(rows, changeRow{s.name(v.Scenario), *v.Change, v.CI[0], v.CI[1], v.Threshold, class, moved(v)})
		}
		for i, part := range slices.Collect(slices.Chunk(rows, rowsAChart)) {
			better := "lower is better"
			if g.Better > 0 {
				better = "higher is better"
			}
			sec.blocks = append(sec.blocks, picture{
				file: numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), alt: "Change of " + g.Metric + " in each scenario, with its interval",
				chart: changeChart{title: "Change of " + g.Metric, desc: "One line a scenario: the estimate and its 95 % interval; " + better + ".", note: better, rows: part},
			})
		}
	}
	return sec, len(sec.blocks) > 0
}

// quantity gives a value of a metric with its unit.
func quantity(metric string, v *float64) string {
	if v == nil {
		return absent
	}
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		sc := rateScale(*v)
		return sc.format(*v) + " " + sc.unit
	case record.BitPerS:
		return figure(*v/1e9) + " Gbit/s"
	case record.Loss:
		return percent(*v) + " %"
	case record.Jain:
		return decimals(*v, 3)
	case LatencyP50, LatencyP99:
		return duration(*v)
	case record.CPUNsPerPkt:
		return perPacket(*v) + " ns"
	}
	return perPacket(*v)
}

// moved gives the change as estimated.
func moved(v record.Verdict) string {
	if v.Change == nil {
		return absent
	}
	return withUnit(v.Metric, step(v.Metric, *v.Change))
}

// ciText gives the interval of the change; it is absent where there is none.
func ciText(v record.Verdict) string {
	if v.CI == nil {
		return absent
	}
	return withUnit(v.Metric, step(v.Metric, v.CI[0])+" to "+step(v.Metric, v.CI[1]))
}

// thresholdText gives what a change must be beyond, and in brackets what is
// equivalent lies within, where that is less.
func thresholdText(v record.Verdict) string {
	if v.Threshold <= 0 {
		return absent
	}
	spell := func(t float64) string { return withUnit(v.Metric, strings.TrimPrefix(step(v.Metric, t), "+")) }
	if v.OwnThreshold != nil {
		return spell(v.Threshold) + " (equivalent: " + spell(*v.OwnThreshold) + ")"
	}
	return spell(v.Threshold)
}

// step gives a change without its unit: Jain's index as it is, all else times
// 100.
func step(metric string, change float64) string {
	if metric == record.Jain {
		s := decimals(change, 3)
		switch {
		case s == "−0.000":
			return "0.000"
		case change > 0 && s != "0.000":
			return "+" + s
		}
		return s
	}
	return precisely(change)
}

func withUnit(metric, s string) string {
	switch metric {
	case record.Jain:
		return s
	case record.Loss:
		return s + " points"
	}
	return s + " %"
}

func pvalue(p *float64) string {
	switch {
	case p == nil:
		return absent
	case *p < 0.001:
		return "<0.001"
	}
	return decimals(*p, 3)
}
