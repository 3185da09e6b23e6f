package reports

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"tunbench/reports/record"
)

// StepSummaryLimit is how many bytes of summary a step writes at most. GitHub
// takes 1 MiB and drops all of a longer one.
const StepSummaryLimit = 900 << 10

// StepSummary is c for the summary of a job of GitHub Actions, in at most room
// bytes: verdicts first, a chart of the changes, and the details folded. What
// there is no room for is left out, and said to be.
func StepSummary(c *Comparison, room int) ([]byte, error) {
	s := newContrast(c)
	d := s.document()
	d.sections = []section{
		s.changed("Regressed", s.regressed, "Nothing regressed."),
		s.changed("Improved", s.improved, "Nothing improved."),
	}
	if bars := s.bars(); len(bars) > 0 {
		d.sections = append(d.sections, section{heading: "Changes", blocks: bars})
	}
	d.sections = append(d.sections, s.rest().foldedWhole())
	for _, part := range []func() (section, bool){s.onlyOnes, s.differences} {
		if sec, ok := part(); ok {
			d.sections = append(d.sections, sec.foldedWhole())
		}
	}
	return fitted(d, room)
}

// FirstStepSummary is that of a job which has nothing to compare with: why, and
// what was measured.
func FirstStepSummary(r NamedRun, why string, room int) ([]byte, error) {
	d := newDocument(r.File)
	d.alerts = append([]prose{say(bold("No baseline: "), why+".")}, d.alerts...)
	for i := range d.sections {
		if i > 0 {
			d.sections[i] = d.sections[i].foldedWhole()
		}
	}
	return fitted(d, room)
}

// foldedWhole hides all of a section behind its heading.
func (s section) foldedWhole() section {
	return section{blocks: []block{fold{s.heading, s.blocks}}}
}

// fitted renders d in at most room bytes, with as many rows of its tables as
// there is room for.
func fitted(d document, room int) ([]byte, error) {
	render := func(d document) ([]byte, error) {
		var b bytes.Buffer
		err := markdown(&b, d, Options{})
		return b.Bytes(), err
	}
	whole, err := render(d)
	if err != nil || len(whole) <= room {
		return whole, err
	}
	for rows := 4096; rows > 0; rows /= 4 {
		cut, err := render(d.atMost(rows))
		if err != nil || len(cut) <= room {
			return cut, err
		}
	}
	text, err := render(document{title: "tunbench", points: []prose{cutNote(0)}})
	if err == nil && len(text) > room {
		return nil, fmt.Errorf("write a step summary: there is room for %d bytes only, and %d are needed to say so", max(0, room), len(text))
	}
	return text, err
}

func cutNote(rows int) prose {
	if rows == 0 {
		return say(bold("The report is too long for a step summary."), " It is in the folder of --out, and on the job's log.")
	}
	return say(bold("Cut: the report is too long for a step summary."), " Of each table and list, the first "+plural(rows, "row is", "rows are")+" shown. The whole report is in the folder of --out.")
}

// longest is the number of characters that a piece of text keeps in a summary
// that is cut.
const longest = 400

// atMost is d with so many rows in each table and list, and pieces of text of
// bearable length.
func (d document) atMost(rows int) document {
	short := func(p prose) prose {
		p = slices.Clone(p)
		for i := range p {
			p[i].text = clip(p[i].text, longest)
		}
		return p
	}
	list := func(all []prose) []prose {
		cut := make([]prose, min(rows, len(all)))
		for i := range cut {
			cut[i] = short(all[i])
		}
		return cut
	}
	var blocks func([]block) []block
	blocks = func(all []block) (cut []block) {
		for _, b := range all {
			switch v := b.(type) {
			case prose:
				b = short(v)
			case small:
				b = small(short(prose(v)))
			case bullets:
				b = bullets(list(v))
			case fold:
				b = fold{clip(v.summary, longest), blocks(v.blocks)}
			case table:
				kept := v.rows[:min(rows, len(v.rows))]
				v.rows = nil
				for _, r := range kept {
					v.rows = append(v.rows, slices.Clone(r))
					for i := range r {
						v.rows[len(v.rows)-1][i] = short(r[i])
					}
				}
				b = v
			}
			cut = append(cut, b)
		}
		return cut
	}
	out := document{title: clip(d.title, longest), alerts: append([]prose{cutNote(rows)}, list(d.alerts)...), lead: short(d.lead), points: list(d.points)}
	for _, s := range d.sections {
		out.sections = append(out.sections, section{heading: clip(s.heading, longest), sub: s.sub, blocks: blocks(s.blocks)})
	}
	return out
}

// mermaid is a chart in the language of mermaid, which GitHub draws.
type mermaid string

// mostBars is how many changes a chart shows: mermaid draws no more legibly.
const mostBars = 16

// bars draws the changes of each metric that is judged by a ratio, the largest
// first. The intervals are in the tables: a mermaid chart has none.
func (s *contrast) bars() (blocks []block) {
	for _, g := range slices.Concat(gates, virtualGates, rateGates) {
		if g.Absolute {
			continue
		}
		var list []record.Verdict
		for _, v := range s.Verdicts {
			if v.Metric == g.Metric && v.Change != nil && v.Verdict != record.NotComparable && v.Verdict != record.InvalidVerdict {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b record.Verdict) int {
			return cmp.Compare(math.Abs(*b.Change), math.Abs(*a.Change))
		})
		better := "lower is better"
		if g.Better > 0 {
			better = "higher is better"
		}
		shown := list[:min(mostBars, len(list))]
		note := say(bold(g.Metric), ": "+better+". ")
		if n := len(list) - len(shown); n > 0 {
			note = append(note, say("The "+strconv.Itoa(mostBars)+" largest changes; "+strconv.Itoa(n)+" smaller ones are in the table of every verdict. ")...)
		}
		if slices.ContainsFunc(shown, func(v record.Verdict) bool { return math.Abs(*v.Change) > farthest }) {
			note = append(note, say("A bar marked ", bold(cutOff), " ends at ±"+farthestText+" %; the change stands beside its name. ")...)
		}
		blocks = append(blocks, s.barsOf(g.Metric, shown), small(append(note, say("The intervals are in the tables.")...)))
	}
	return blocks
}

// cutOff marks a bar that would not fit its chart.
const cutOff = "cut off"

func (s *contrast) barsOf(metric string, list []record.Verdict) mermaid {
	var labels, values []string
	reach := 0.01
	for _, v := range list {
		label := clip(s.name(v.Scenario), 60)
		if math.Abs(*v.Change) > farthest {
			label += " (" + cutOff + ", " + precisely(*v.Change) + " per cent)"
		}
		labels = append(labels, mermaidText(label))
		change := min(max(*v.Change, -farthest), farthest)
		values = append(values, strconv.FormatFloat(100*change, 'f', 2, 64))
		reach = max(reach, math.Abs(change))
	}
	limit := strconv.Itoa(int(math.Ceil(110 * reach)))
	return mermaid("xychart-beta horizontal\n" +
		"  title " + mermaidText("Change of "+metric+", per cent of base") + "\n" +
		"  x-axis [" + strings.Join(labels, ", ") + "]\n" +
		"  y-axis " + mermaidText("per cent") + " -" + limit + " --> " + limit + "\n" +
		"  bar [" + strings.Join(values, ", ") + "]\n")
}

// mermaidText quotes s for mermaid, which has no escapes between quotes and
// takes # and ; for entities, %% for comments and backticks for markdown: what
// would mean something is put as a character that looks like it. The tables
// have the true name.
func mermaidText(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '`':
			return '\''
		case strings.ContainsRune(`#;%&<>\[]{}|$`, r) || !unicode.IsPrint(r):
			return '_'
		}
		return r
	}, printable(s)) + `"`
}

// Level is how loud an annotation is.
type Level string

// Levels of GitHub's workflow commands.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is a remark of a job, which GitHub shows at the pull request. Its
// String is the workflow command.
type Annotation struct {
	Level   Level
	Title   string
	Message string
}

// Escapes of workflow commands are those of GitHub's toolkit, in
// packages/core/src/command.ts (escapeData, escapeProperty).
var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func (a Annotation) String() string {
	return "::" + string(a.Level) + " title=" + commandProperty.Replace(a.Title) + "::" + commandData.Replace(a.Message)
}

// mostAnnotations is how many of a level GitHub shows of one step.
const mostAnnotations = 10

// Annotations gives the remarks on c: an error a regression, a warning for what
// may be one or is not known, and a notice if there is neither. Of more than
// GitHub shows, the last says how many there are.
func Annotations(c *Comparison) (list []Annotation) {
	s := newContrast(c)
	add := func(level Level, verdicts []record.Verdict) {
		for i, v := range verdicts {
			if rest := len(verdicts) - i; i == mostAnnotations-1 && rest > 1 {
				list = append(list, Annotation{level, "tunbench", fmt.Sprintf("%d more like this; the step summary has them all", rest)})
				return
			}
			title := "tunbench: " + v.Verdict + " of " + v.Metric
			if v.Missing != "" {
				title = "tunbench: not measured in " + v.Missing
			}
			list = append(list, Annotation{level, title, remark(v)})
		}
	}
	if lines := s.headlines(); s.rule().Unjudged(s.Verdicts) {
		list = append(list, Annotation{Error, "tunbench: nothing could be judged", clip(plainText(lines[0]), longest)})
	}
	add(Error, s.of(record.Regression))
	lacking := Error
	if s.AllowMissing {
		lacking = Warning
	}
	add(lacking, s.lacking(record.NewSide))
	measured := func(list []record.Verdict) []record.Verdict {
		return slices.DeleteFunc(list, func(v record.Verdict) bool { return v.Missing != "" })
	}
	add(Warning, slices.Concat(s.of(record.IndicativeRegression), measured(s.of(record.InvalidVerdict)), measured(s.of(record.NotComparable)), s.of(record.Inconclusive)))
	if len(list) == 0 {
		list = append(list, Annotation{Notice, "tunbench", strings.Join(pointLines(s), " ")})
	}
	return list
}

// pointLines are the points of a comparison as plain text.
func pointLines(s *contrast) (lines []string) {
	for _, p := range s.points() {
		lines = append(lines, plainText(p))
	}
	return lines
}

// remark tells a verdict in a line.
func remark(v record.Verdict) string {
	text := v.Scenario + ": " + v.Metric
	if v.Missing != "" && v.Verdict != record.NotComparable {
		text = v.Scenario // its metric stands for all of them
	}
	if v.Change != nil {
		text += " " + moved(v)
	}
	if v.CI != nil {
		text += " (95 % interval " + ciText(v) + ", p " + pvalue(v.P) + ")"
	}
	if v.Base != nil && v.New != nil {
		text += ", " + quantity(v.Metric, v.Base) + " before, " + quantity(v.Metric, v.New) + " now"
	}
	if v.Threshold > 0 {
		text += "; threshold " + thresholdText(v)
	}
	if len(v.Notes) > 0 {
		text += ". " + strings.Join(v.Notes, "; ")
	}
	return clip(text, longest)
}

// StepOutputs are the counts of c's verdicts by name, in the form of
// $GITHUB_OUTPUT, one a line.
func StepOutputs(c *Comparison) []byte {
	s := newContrast(c)
	var b bytes.Buffer
	for _, k := range kinds {
		fmt.Fprintf(&b, "%s=%d\n", k.verdict, s.count(k.verdict))
	}
	fmt.Fprintf(&b, "verdicts=%d\n", len(c.Verdicts))
	return b.Bytes()
}
