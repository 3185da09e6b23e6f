package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/bench/plan"
	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// progress tells on stderr how far a run is: on a terminal in a line for each
// scenario that is finished and one, drawn anew, for what is at hand; elsewhere
// in one plain line a scenario, and only under -v. What was skipped is a warning
// and is told everywhere. It draws between trials only.
type progress struct {
	w       io.Writer
	look    func() screen.Screen // asked each time: a window changes its size
	live    bool
	verbose bool
	quiet   bool

	index int // of the scenario that was told last
	pair  int // the same
	drawn bool
	seen  map[int]*glance // by the scenario's index
}

// glance is what the trials of a scenario showed so far.
type glance struct {
	windows   []float64 // packets/s of each, of trials of the arm whose rates are shown
	low, high float64   // packets/s, of those trials
	bare      bool      // they are the bare ones
	trials    int
	invalid   int
	flags     map[string]int // trials that have it
	last      string         // the last trial, in brief
	tone      screen.Tone    // of the last trial
}

func newProgress(w io.Writer, quiet, verbose bool) *progress {
	p := &progress{w: w, quiet: quiet, verbose: verbose, look: func() screen.Screen { return screen.Of(w) }, seen: map[int]*glance{}}
	p.live = !quiet && p.look().Live
	return p
}

// yield leaves a terminal to stdout, if what is written there ends up on one:
// a line that is drawn anew would run into it.
func (p *progress) yield(stdout io.Writer) {
	p.live = p.live && screen.Of(stdout).Columns == 0
}

func (p *progress) step(s plan.Step) {
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
		case s.Last && p.seen[s.Index] != nil: // nil where a run that is resumed had all its trials
			p.keep(p.finished(s))
		case s.Skip == nil:
			p.draw(s)
		}
	case p.verbose && s.Search != nil:
		fmt.Fprintf(p.w, "searched %s: %s in %s\n", s.Scenario, searchResult(*s.Search), record.Plural(s.Search.Trials, "trial", "trials"))
	case p.verbose && (s.Index != p.index || s.Pair != p.pair):
		fmt.Fprintf(p.w, "%s %s, %s left\n", where(s), s.Scenario, left(s.Left))
	}
	p.index, p.pair = s.Index, s.Pair
}

// add takes in a trial that was finished.
func (p *progress) add(s plan.Step) {
	of := p.seen[s.Index]
	if of == nil {
		of = &glance{flags: map[string]int{}}
		p.seen[s.Index] = of
	}
	of.tone = screen.Plain
	for _, t := range []*record.Trial{s.Base, s.Trial} {
		if t == nil {
			continue
		}
		of.trials++
		for _, flag := range t.Flags {
			of.flags[flag]++
			of.tone = max(of.tone, screen.Caution)
		}
		if t.Invalid() {
			of.invalid++
			of.tone = screen.Bad
		}
	}
	pps := s.Trial.Metrics[record.PPS]
	of.last = packetRate(pps)
	if s.Base != nil {
		of.last = fmt.Sprintf("a %s, b %s", packetRate(s.Base.Metrics[record.PPS]), of.last)
	}
	bare := s.Trial.Arm == record.Bare
	switch {
	case bare && !of.bare: // what was watched is not the headline
		of.bare, of.windows, of.low, of.high = true, nil, pps, pps
	case of.bare && !bare:
		return
	case of.windows == nil && of.high == 0:
		of.low, of.high = pps, pps
	}
	of.low, of.high = min(of.low, pps), max(of.high, pps)
	of.windows = append(of.windows, windowRates(s.Trial)...)
}

// windowRates are the packets/s of each window of a trial.
func windowRates(t *record.Trial) (rates []float64) {
	from := int64(0)
	for _, w := range t.Windows {
		rate := 0.0
		if w.TNs > from {
			rate = float64(w.Pkts) / (float64(w.TNs-from) / 1e9)
		}
		rates = append(rates, rate)
		from = w.TNs
	}
	return rates
}

// where is the place of a step in its run.
func where(s plan.Step) string {
	place := fmt.Sprintf("%d/%d", s.Index, s.Scenarios)
	if s.Pairs > 1 {
		place = fmt.Sprintf("pair %d/%d  %s", s.Pair, s.Pairs, place)
	}
	return place
}

// Columns of a line.
const (
	sparkColumns = 12
	nameColumns  = 24 // less of a name tells nothing: the windows make room for it
	rateColumns  = 16
	wordColumns  = 8
	flagColumns  = 16 // the least for flags
)

// draw fits into one line: the figures first, and as much of the name as has
// room, since a line that wraps cannot be drawn anew. The last column stays
// free: some terminals wrap when it is written.
func (p *progress) draw(s plan.Step) {
	on := p.look()
	room := on.Columns - 1
	var line strings.Builder
	add := func(tone screen.Tone, text string) {
		text = on.Clip(on.Text(text), room)
		room -= screen.Width(text)
		line.WriteString(on.Paint(tone, text))
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
	p.drawn = true
}

// finished is the line of a scenario that has no trial left: where the rates of
// its trials lie, their windows, and what is wrong with them.
func (p *progress) finished(s plan.Step) string {
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

// why names the flags of the trials, as many as there is room for, those that
// make a trial invalid first.
func (g *glance) why(room int) string {
	names := slices.SortedFunc(maps.Keys(g.flags), func(a, b string) int {
		return cmp.Or(-compareBool(record.Invalidates(a), record.Invalidates(b)), strings.Compare(a, b))
	})
	text := ""
	for i, flag := range names {
		if n := g.flags[flag]; n < g.trials {
			flag = fmt.Sprintf("%s %d/%d", flag, n, g.trials)
		}
		if i > 0 {
			flag = text + ", " + flag
		}
		more := ""
		if rest := len(names) - i - 1; rest > 0 {
			more = fmt.Sprintf(", %d more", rest)
		}
		if i > 0 && screen.Width(flag+more) > room {
			return fmt.Sprintf("%s, %d more", text, len(names)-i)
		}
		text = flag
	}
	return text
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// judged is the line of a comparison that has its verdicts.
func (p *progress) judged(s plan.Step) string {
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

// pad fills text up to so many columns, from the right.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-screen.Width(text)))
}

// searchResult is what a search found, for people; the record holds the exact
// figures and the reasons.
func searchResult(s record.Search) string {
	var parts []string
	for _, g := range s.Goals {
		what := g.Name + " unresolved"
		if g.Resolved && g.LowerPPS != nil {
			what = g.Name + " " + packetRate(*g.LowerPPS)
		}
		parts = append(parts, what)
	}
	return strings.Join(parts, ", ")
}

// What is written in one piece is drawn in one piece: the old line is written
// over, and what is left of it erased behind the new one, so that nothing
// flickers. The cursor is hidden only within: whatever ends the process, a
// signal that cannot be caught too, leaves it to be seen.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseRest  = "\x1b[K"
)

// put draws the live line anew.
func (p *progress) put(line string) {
	fmt.Fprint(p.w, hideCursor+"\r"+line+eraseRest+showCursor)
}

// keep writes a line that stays, above the live one.
func (p *progress) keep(line string) {
	if p.live {
		fmt.Fprint(p.w, "\r"+line+eraseRest+"\n")
		p.drawn = false
		return
	}
	fmt.Fprintln(p.w, line)
}

// clear removes the live line, so that something else can be printed.
func (p *progress) clear() {
	if p.drawn {
		fmt.Fprint(p.w, "\r"+eraseRest)
		p.drawn = false
	}
}

func left(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Round(time.Second)/time.Second))
	}
	d = d.Round(time.Second)
	return fmt.Sprintf("%dm%02ds", int(d/time.Minute), int(d%time.Minute/time.Second))
}

// packetRate is pps for people; the records hold the exact figure.
func packetRate(pps float64) string {
	switch {
	case pps >= 1e6:
		return fmt.Sprintf("%.2f Mpps", pps/1e6)
	case pps >= 1e3:
		return fmt.Sprintf("%.0f kpps", pps/1e3)
	}
	return fmt.Sprintf("%.0f pps", pps)
}
