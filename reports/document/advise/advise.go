// Package advise makes the document on a recommendation, and the parts of it that a terminal
// shows.
package advise

import (
	"cmp"
	"embed"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/advice"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Text says what an advice found.
type Text struct{ *advice.Advice }

// New is the report on a.
func New(a *advice.Advice) document.Document {
	s := Text{a}
	d := document.Document{
		Title: book.Text("title", prose.Values{"Topic": a.Topic, "Host": s.host()}),
		Lead:  s.Headline(), Points: append(s.Points(), s.About()),
		Source: document.SourceOf(&record.Run{Host: record.Host{Kernel: a.Kernel, CPU: a.CPU, CPUs: a.CPUs}, Started: a.Started, Tool: a.Tool}),
	}
	if a.Use.Words == "" {
		return d
	}
	d.Sections = sections{s}.all()
	return d
}

func (s Text) host() string { return "Linux " + s.Kernel + ", " + text.Plural(s.CPUs, "CPU", "CPUs") }

func (s Text) date() string {
	date, _, _ := strings.Cut(s.Started, "T")
	return date
}

// About says what was asked, and of which host.
func (s Text) About() prose.Prose {
	about := s.Advice.About
	if about != "" {
		about = strings.ToUpper(about[:1]) + about[1:]
	}
	return book.Say("lead", prose.Values{"About": about, "Kernel": s.Kernel, "CPU": s.CPU, "CPUs": s.CPUs, "Date": s.date()})
}

// threshold is advice.Threshold in per cent.
var threshold = percent(advice.Threshold)

// percent is a ratio in per cent, with no more digits than it has.
func percent(ratio float64) string { return strconv.FormatFloat(100*ratio, 'g', 3, 64) }

// Headline is the recommendation.
func (s Text) Headline() prose.Prose {
	use := prose.Mono(s.Use.Words)
	switch {
	case s.Verdict == advice.Better:
		return book.Say("use", prose.Values{"Use": use, "Ratio": text.Ratio(s.Gain.PPS.Value), "Plain": s.PlainName, "Interval": interval(s.Gain.PPS)})
	case s.Verdict == advice.Equal:
		return book.Say("stay", prose.Values{"Plain": s.PlainName, "Words": use, "N": s.Candidates, "Threshold": threshold})
	}
	return book.Say("inconclusive", prose.Values{"Why": s.Why})
}

// Open reports that nothing can be recommended.
func (s Text) Open() bool { return s.Verdict != advice.Better && s.Verdict != advice.Equal }

// Points are what there is to know beside the recommendation.
func (s Text) Points() (list []prose.Prose) {
	if s.Use.Words == "" {
		return nil
	}
	if s.Verdict == advice.Inconclusive && len(s.Comparisons) > 0 {
		ratio, in := "", ""
		if s.Gain != nil {
			ratio, in = text.Ratio(s.Gain.PPS.Value), interval(s.Gain.PPS)
		}
		list = append(list, book.Say("so far", prose.Values{"Use": prose.Mono(s.Use.Words), "Ratio": ratio, "Plain": s.PlainName, "Interval": in}))
	}
	if s.Gain != nil && s.Gain.ByTraffic != nil {
		var parts []prose.Prose
		for i, name := range briefly(s.Traffic) {
			r := s.Gain.ByTraffic[i].PPS
			parts = append(parts, book.Say("of traffic", prose.Values{"Name": prose.Mono(name), "Ratio": text.Ratio(r.Value), "Interval": interval(r)}))
		}
		list = append(list, book.Say("by traffic", prose.Values{"List": parts}))
	}
	if s.Gain != nil && s.Gain.CPU.N > 0 {
		list = append(list, book.Say("cpu gain", prose.Values{"Ratio": text.Ratio(s.Gain.CPU.Value), "Interval": interval(s.Gain.CPU), "Plain": s.PlainName}))
	}
	if s.Reused && s.Gain != nil {
		list = append(list, book.Say("reused", prose.Values{"Why": s.Stopped}))
	}
	switch frugal := s.Of(advice.Frugal); {
	case len(frugal) > 0:
		f := frugal[0]
		list = append(list, book.Say("frugal", prose.Values{"Words": prose.Mono(f.New), "CPU": text.Ratio(f.CPU.Value), "CPUInterval": interval(f.CPU), "PPS": text.Ratio(f.PPS.Value), "Interval": interval(f.PPS)}))
	case s.Verdict != advice.Inconclusive && s.Gain != nil && s.Gain.CPU.N > 0:
		list = append(list, book.Say("frugal none", prose.Values{"Threshold": threshold, "Cheapest": s.fastestAndCheapest()}))
	}
	list = append(list, s.notRecommended()...)
	if s.Verdict != advice.Inconclusive {
		list = append(list, s.equal()...)
	}
	return append(list, s.unclear()...)
}

// fastestAndCheapest reports whether the recommendation was shown to be no slower than
// anything that was measured beside it, and to need no more CPU time: every interval says so.
func (s Text) fastestAndCheapest() bool {
	gain := s.Gain
	if gain.PPS.CI == nil || gain.CPU.CI == nil || gain.PPS.CI[0] < 1 || gain.CPU.CI[1] > 1 {
		return false
	}
	return !slices.ContainsFunc(s.Of(advice.Change, advice.Rival), func(c advice.Comparison) bool {
		return c.PPS.CI == nil || c.CPU.CI == nil || c.PPS.CI[1] > 1 || c.CPU.CI[0] < 1
	})
}

// notRecommended says why what is listed as faster is not recommended, a sentence for each
// reason.
func (s Text) notRecommended() (list []prose.Prose) {
	faster := s.others(advice.Better)
	for _, of := range byReason(faster) {
		var names []prose.Prose
		for _, c := range of {
			names = append(names, book.Say("faster one", prose.Values{"Words": prose.Mono(c.Label), "Ratio": text.Ratio(c.PPS.Value)}))
		}
		list = append(list, book.Say("faster", prose.Values{"Names": names, "N": len(names), "Why": of[0].WhyNot}))
	}
	return list
}

// equal names what could not be told from the recommendation: what that is preferred to, since
// it is simpler, and what is simpler than that, with the reason for each.
func (s Text) equal() (list []prose.Prose) {
	for _, of := range byReason(s.others(advice.Equal)) {
		if of[0].WhyNot == "" {
			list = append(list, book.Say("equal", prose.Values{"Names": names(of), "N": len(of), "Threshold": threshold}))
			continue
		}
		list = append(list, book.Say("equal and simpler", prose.Values{"Names": names(of), "N": len(of), "Threshold": threshold, "Why": of[0].WhyNot}))
	}
	return list
}

// unclear names what the intervals do not tell from the recommendation, and how much faster
// that can be, and what is simpler than it, with the reason for each.
func (s Text) unclear() (list []prose.Prose) {
	for _, of := range byReason(s.others(advice.Inconclusive)) {
		if of[0].WhyNot != "" {
			list = append(list, book.Say("unclear and simpler", prose.Values{"Names": names(of), "N": len(of), "Why": of[0].WhyNot}))
			continue
		}
		highest := slices.MaxFunc(of, func(a, b advice.Comparison) int { return cmp.Compare(a.PPS.CI[1], b.PPS.CI[1]) })
		list = append(list, book.Say("unclear", prose.Values{"Names": names(of), "N": len(of), "Threshold": threshold, "Most": text.Ratio(highest.PPS.CI[1]), "Highest": prose.Mono(highest.Label)}))
	}
	return list
}

// byReason groups comparisons by why what they compare is not recommended, in their order.
func byReason(list []advice.Comparison) (groups [][]advice.Comparison) {
	for _, c := range list {
		i := slices.IndexFunc(groups, func(g []advice.Comparison) bool { return g[0].WhyNot == c.WhyNot })
		if i < 0 {
			i, groups = len(groups), append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	return groups
}

// briefly are the words of each list of axes that not all of them have.
func briefly(lists []string) (short []string) {
	count := map[string]int{}
	for _, l := range lists {
		for _, word := range strings.Fields(l) {
			count[word]++
		}
	}
	for _, l := range lists {
		var own []string
		for _, word := range strings.Fields(l) {
			if count[word] < len(lists) {
				own = append(own, word)
			}
		}
		if len(own) == 0 {
			own = strings.Fields(l)
		}
		short = append(short, strings.Join(own, " "))
	}
	return short
}

// others are the changes and rivals of a verdict.
func (s Text) others(verdict string) (list []advice.Comparison) {
	for _, c := range s.Of(advice.Change, advice.Rival) {
		if c.Verdict == verdict && c.PPS.CI != nil {
			list = append(list, c)
		}
	}
	return list
}

// names are what is compared: a change by what is changed.
func names(list []advice.Comparison) (names []prose.Piece) {
	for _, c := range list {
		names = append(names, prose.Mono(c.Label))
	}
	return names
}

// Verdict is what a comparison shows, in words.
func Verdict(c advice.Comparison) string {
	if c.PPS.CI == nil {
		return text.Absent // there is no interval to judge by
	}
	switch c.Verdict {
	case advice.Equal:
		return book.Text("verdict equal", prose.Values{"AtMost": atMost(c)})
	case advice.Better:
		return book.Text("verdict better", nil)
	case advice.Worse:
		return book.Text("verdict worse", nil)
	}
	return book.Text("verdict inconclusive", nil)
}

func atMost(c advice.Comparison) string { return percent(math.Ceil(1000*c.AtMost) / 1000) }

// Briefly is Verdict where there is little room.
func Briefly(c advice.Comparison) string {
	if c.Verdict == advice.Equal {
		return book.Text("verdict equal in brief", prose.Values{"AtMost": atMost(c)})
	}
	return Verdict(c)
}

// Steps is the table of the steps to the recommendation.
func (s Text) Steps() document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("value"), columns, document.Text("choice")),
		Note:    book.Say("steps note", nil),
	}
	for _, c := range s.Of(advice.Step, advice.Aside) {
		label := c.Label
		if c.Role == advice.Aside {
			label = "(" + label + ")"
		}
		t.Rows = append(t.Rows, row(c, label, c.Choice))
	}
	return t
}

// StepsFollow and ChangesFollow introduce the two tables where there is no room for their notes.
func StepsFollow() prose.Prose { return book.Say("steps caption", nil) }
func (s Text) ChangesFollow() prose.Prose {
	return book.Say("changes caption", prose.Values{"Open": s.Open()})
}

// Changes is the table of the other values of each choice.
func (s Text) Changes() document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("instead"), columns, document.Text("choice")),
		Note:    book.Say("changes note", prose.Values{"Open": s.Open()}),
	}
	for _, c := range s.Of(advice.Change) {
		t.Rows = append(t.Rows, row(c, c.Label, c.Choice))
	}
	return t
}

// Rates is the table of the rates under each traffic.
func (s Text) Rates() document.Table {
	use := "recommended"
	if s.Open() {
		use = "best so far"
	}
	t := document.Table{
		Columns: slices.Concat(document.Text("traffic"), document.Numeric("packets/s, plain", use, "×", "95 % interval", "CPU ns, plain", use, "×", "95 % interval")),
		Note:    book.Say("rates note", prose.Values{"Plain": s.PlainName, "Traffic": strings.Join(s.Traffic, "; "), "Open": s.Open()}),
	}
	if s.Gain == nil {
		return t
	}
	scale := text.RateScale(slices.Max(append([]float64{0}, s.Use.PPS...)))
	t.Columns[1].Name = scale.Unit + ", plain"
	for i, traffic := range briefly(s.Traffic) {
		if i >= len(s.Use.PPS) || i >= len(s.Plain.PPS) {
			break
		}
		pps, cpu := s.Gain.PPS, s.Gain.CPU
		if s.Gain.ByTraffic != nil {
			pps, cpu = s.Gain.ByTraffic[i].PPS, s.Gain.ByTraffic[i].CPU
		}
		t.Rows = append(t.Rows, document.Row(prose.Mono(traffic), figure(s.Plain.PPS[i], scale.Format), figure(s.Use.PPS[i], scale.Format), ratio(pps), range95(pps),
			figure(s.Plain.CPU[i], text.Figure), figure(s.Use.CPU[i], text.Figure), ratio(cpu), range95(cpu)))
	}
	return t
}

// Lacking says what cannot be measured here, a sentence for each reason.
func (s Text) Lacking() (list []prose.Prose) {
	for _, l := range s.Lacks {
		list = append(list, book.Say("lack", prose.Values{"What": lackNames(l), "Reason": l.Reason, "Detail": l.Detail}))
	}
	return list
}

// lackNames names what is lacking, but no more than three things.
func lackNames(l advice.Lack) (p prose.Prose) {
	const most = 3
	for i, w := range l.What[:min(most, len(l.What))] {
		if i > 0 {
			p = append(p, prose.Say(", ")...)
		}
		p = append(p, prose.Mono(w))
	}
	if n := len(l.What) - most; n > 0 {
		p = append(p, prose.Say(" ", book.Say("lack more", prose.Values{"N": n}))...)
	}
	return p
}

// Commands are those that show the gain and each step, and those that show the other values
// of each choice. None shows a pair that another one has shown.
func (s Text) Commands() (steps, changes []string) {
	seen := map[[2]string]bool{}
	for _, c := range s.Of(advice.Gain, advice.Step, advice.Aside, advice.Change) {
		pair := [2]string{min(c.New, c.Base), max(c.New, c.Base)}
		if seen[pair] {
			continue
		}
		seen[pair] = true
		for _, line := range c.AB {
			if c.Role == advice.Change {
				changes = append(changes, "sudo "+line)
			} else {
				steps = append(steps, "sudo "+line)
			}
		}
	}
	return steps, changes
}

// FewCommands are those that show the gain or, without one, the first change.
func (s Text) FewCommands() []string {
	for _, c := range s.Of(advice.Gain, advice.Change) {
		return c.AB
	}
	return nil
}

// CommandsFollow introduces FewCommands.
func CommandsFollow() prose.Prose { return book.Say("commands short", nil) }

// CodeIn names the programs in the folder of an advice.
func CodeIn(goFile, cFile string) prose.Prose {
	return book.Say("code short", prose.Values{"Go": goFile, "C": cFile})
}

// Spent says how long it took, and of how many trials it is made.
func (s Text) Spent() prose.Prose {
	seconds := func(ns int64) string { return time.Duration(ns).Round(time.Second).String() }
	return book.Say("spent", prose.Values{
		"Spent": seconds(s.SpentNs), "Budget": seconds(s.BudgetNs), "Trials": s.Trials, "Invalid": s.Invalid, "Failed": s.Failed, "Flags": counts(s.Flags), "Flagged": counts(s.Flagged),
	})
}

// counts lists names with how often each was.
func counts(of map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(parts, ", ")
}
