// Package progress shows, on a terminal or line by line, the progress of a run and of a
// command that boots guests.
package progress

import (
	"fmt"
	"io"
	"strings"

	"tunbench/bench/plan"
	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// Run shows the progress of a run: on a terminal in a line for each finished scenario
// and one, which is redrawn, for the round or the trial at hand; elsewhere in one plain
// line for each block and for each scenario that is measured alone, and only with -v. A
// skip is a warning, which is always printed. Run draws between windows only.
type Run struct {
	line
	verbose bool
	quiet   bool

	index int             // of the scenario that was shown last
	pair  int             // the same
	seen  map[int]*sample // by the scenario's index
}

// NewRun shows progress on w, which is stderr. With quiet it prints nothing; with verbose
// it prints one line for each scenario if w is no terminal.
func NewRun(w io.Writer, quiet, verbose bool) *Run {
	return &Run{line: newLine(w, quiet), quiet: quiet, verbose: verbose, seen: map[int]*sample{}}
}

// Yield stops drawing if stdout is a terminal too: a line that is redrawn would mix with
// what is written there.
func (p *Run) Yield(stdout io.Writer) {
	p.live = p.live && screen.Of(stdout).Columns == 0
}

// Step takes in a step of the run. It is a plan.Plan's Progress.
func (p *Run) Step(s plan.Step) {
	if p.quiet {
		return
	}
	if s.Trial != nil {
		p.add(s)
	}
	if s.Skip != nil {
		what := s.Scenario
		if s.Skip.Arm != "" {
			what += ", " + string(s.Skip.Arm) + " trials"
		}
		p.keep(fmt.Sprintf("%s %s: %s: %s", p.look().Paint(screen.Caution, "skipped"), what, s.Skip.Reason, s.Skip.Detail))
	}
	switch {
	case p.live:
		switch {
		case s.Search != nil:
			p.keep(fmt.Sprintf("searched %s: %s in %s", s.Scenario, searchResult(*s.Search), record.Plural(s.Search.Trials, "trial", "trials")))
		case s.Verdicts != nil:
			p.keep(p.judged(s))
		case s.Last && p.seen[s.Index] != nil: // nil if a resumed run already had all its trials
			p.keep(p.finished(s))
		case s.Skip == nil:
			p.draw(s)
		}
	case p.verbose && s.Search != nil:
		fmt.Fprintf(p.w, "searched %s: %s in %s\n", s.Scenario, searchResult(*s.Search), record.Plural(s.Search.Trials, "trial", "trials"))
	case p.verbose && s.Together > 0:
		if s.Round == 0 {
			fmt.Fprintf(p.w, "%s, %s by turns, %s left\n", blockOf(s), record.Plural(s.Together, "trial", "trials"), left(s.Left))
		}
	case p.verbose && (s.Index != p.index || s.Pair != p.pair || s.Profile > 0):
		fmt.Fprintf(p.w, "%s %s, %s left\n", where(s), s.Scenario, left(s.Left))
	}
	p.index, p.pair = s.Index, s.Pair
}

// add takes in a trial that was finished.
func (p *Run) add(s plan.Step) {
	of := p.seen[s.Index]
	if of == nil {
		of = &sample{flags: map[string]int{}}
		p.seen[s.Index] = of
	}
	of.add(s)
}

// blockOf is the place of a block in its run, and of the round in it.
func blockOf(s plan.Step) string {
	place := fmt.Sprintf("block %d/%d", s.Pair, s.Pairs)
	if s.Round > 0 {
		place += fmt.Sprintf("  round %d/%d", s.Round, s.Rounds)
	}
	return place
}

// where is the place of a step in its run.
func where(s plan.Step) string {
	place := fmt.Sprintf("%d/%d", s.Index, s.Scenarios)
	switch {
	case s.Profile > 0:
		place = fmt.Sprintf("profile %d/%d  %s", s.Profile, s.Profiles, place)
	case s.Pairs > 1:
		place = fmt.Sprintf("pair %d/%d  %s", s.Pair, s.Pairs, place)
	}
	return place
}

// Columns of a line.
const (
	sparkColumns = 12
	nameColumns  = 24 // a shorter name is no help: the windows are left out instead
	rateColumns  = 16
	wordColumns  = 8
	flagColumns  = 16 // the least for flags
)

// draw fits everything into one line, since a line that wraps cannot be redrawn: the
// figures first, then as much of the name as there is room for. The last column stays
// free, because some terminals wrap when it is written.
func (p *Run) draw(s plan.Step) {
	on := p.look()
	room := on.Columns - 1
	var line strings.Builder
	add := func(tone screen.Tone, text string) {
		text = on.Clip(on.Text(text), room)
		room -= screen.Width(text)
		line.WriteString(on.Paint(tone, text))
	}
	if s.Together > 0 {
		doing := "setting up "
		if s.Round > 0 {
			doing = ""
		}
		add(screen.Plain, fmt.Sprintf("%s  %s left  %s%s by turns", blockOf(s), left(s.Left), doing, record.Plural(s.Together, "trial", "trials")))
		p.put(line.String())
		return
	}
	add(screen.Plain, where(s)+"  "+left(s.Left)+" left  ")
	if s.Arm != "" {
		add(screen.Plain, fmt.Sprintf("%-8s  ", s.Arm))
	}
	if of := p.seen[s.Index]; of != nil || s.Rate > 0 {
		tone, rate := screen.Plain, fmt.Sprintf("search at %s", packetRate(s.Rate))
		if s.Rate == 0 {
			tone, rate = of.tone, of.last
		}
		if of != nil && room-sparkColumns-len(rate)-4 >= nameColumns {
			add(screen.Plain, pad(on.Spark(of.windows, sparkColumns), sparkColumns)+"  ")
		}
		add(tone, rate)
		add(screen.Plain, "  ")
	}
	add(screen.Plain, s.Scenario)
	p.put(line.String())
}

// finished is the line of a scenario that has no trial left: where the rates of
// its trials lie, their windows, and what is wrong with them.
func (p *Run) finished(s plan.Step) string {
	of, on := p.seen[s.Index], p.look()
	word, tone := "done", screen.Good
	switch {
	case of.invalid > 0:
		word, tone = "invalid", screen.Bad
	case len(of.flags) > 0:
		word, tone = "flagged", screen.Caution
	}
	rate := packetRate(of.high)
	if low := packetRate(of.low); low != rate {
		number, unit, _ := strings.Cut(low, " ")
		if strings.HasSuffix(rate, " "+unit) {
			low = number
		}
		rate = low + "–" + rate
	}
	head := pad(on.Text(rate), rateColumns) + "  "
	room := on.Columns - 1 - wordColumns - screen.Width(head)
	need := screen.Width(s.Scenario)
	if len(of.flags) > 0 {
		need += 2 + flagColumns
	}
	if room-sparkColumns-2 >= need {
		head += pad(on.Spark(of.windows, sparkColumns), sparkColumns) + "  "
		room -= sparkColumns + 2
	}
	why := of.why(max(room-screen.Width(s.Scenario)-2, flagColumns))
	if why != "" {
		room -= screen.Width(why) + 2
		why = "  " + on.Paint(tone, why)
	}
	return on.Paint(tone, pad(word, wordColumns)) + head + on.Clip(on.Text(s.Scenario), room) + why
}

// judged is the line of a comparison that has its verdicts.
func (p *Run) judged(s plan.Step) string {
	on := p.look()
	word, tone := "done", screen.Good
	var parts []string
	equivalent := 0
	for _, v := range s.Verdicts {
		switch v.Verdict {
		case record.Equivalent:
			equivalent++
			continue
		case record.Regression, record.IndicativeRegression, record.InvalidVerdict, record.NotComparable:
			tone = screen.Bad
		case record.Inconclusive, record.UnsupportedVerdict:
			if tone == screen.Good {
				tone = screen.Caution
			}
		}
		parts = append(parts, v.Metric+" "+v.Verdict)
	}
	if equivalent > 0 {
		parts = append(parts, fmt.Sprintf("%d equivalent", equivalent))
	}
	room := on.Columns - 1 - wordColumns
	name := on.Clip(on.Text(s.Scenario), max(nameColumns, room/2))
	what := on.Clip(on.Text(strings.Join(parts, ", ")), max(0, room-screen.Width(name)-2))
	return on.Paint(tone, pad(word, wordColumns)) + name + "  " + what
}
