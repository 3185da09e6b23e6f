package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"golang.org/x/sys/unix"

	"tunbench/bench"
	"tunbench/reports/record"
)

// progress tells on stderr how far a run is: on a terminal in one line that
// is drawn anew, elsewhere in one plain line a scenario, and only under -v.
// What was skipped is a warning and is told everywhere. It uses no colour, so
// NO_COLOR has nothing to turn off.
type progress struct {
	w       io.Writer
	live    bool
	columns func() int // of the terminal, if live
	verbose bool
	quiet   bool

	index int     // of the scenario that was told last
	pair  int     // the same
	pps   float64 // of the last trial
}

func newProgress(w io.Writer, quiet, verbose bool) *progress {
	p := &progress{w: w, quiet: quiet, verbose: verbose}
	f, ok := w.(*os.File)
	p.live = ok && !quiet && isatty.IsTerminal(f.Fd()) && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb"
	if p.live {
		p.columns = func() int {
			if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
				return int(size.Col)
			}
			return 80
		}
	}
	return p
}

func (p *progress) step(s bench.Step) {
	if p.quiet {
		return
	}
	if s.Trial != nil {
		p.pps = s.Trial.Metrics[record.PPS]
	}
	if s.Skip != nil {
		p.clear()
		fmt.Fprintf(p.w, "skipped %s: %s: %s\n", s.Scenario, s.Skip.Reason, s.Skip.Detail)
	}
	switch {
	case p.live:
		p.draw(s)
	case p.verbose && s.Search != nil:
		fmt.Fprintf(p.w, "searched %s: %s in %d trials\n", s.Scenario, searchResult(*s.Search), s.Search.Trials)
	case p.verbose && (s.Index != p.index || s.Pair != p.pair):
		fmt.Fprintf(p.w, "%s %s, %s left\n", where(s), s.Scenario, left(s.Left))
	}
	p.index, p.pair = s.Index, s.Pair
}

// where is the place of a step in its run.
func where(s bench.Step) string {
	place := fmt.Sprintf("%d/%d", s.Index, s.Scenarios)
	if s.Pairs > 1 {
		place = fmt.Sprintf("pair %d/%d  %s", s.Pair, s.Pairs, place)
	}
	return place
}

// draw fits into one line: the figures first, and as much of the name as has
// room, since a line that wraps cannot be drawn anew.
func (p *progress) draw(s bench.Step) {
	line := fmt.Sprintf("%s  %s left  ", where(s), left(s.Left))
	switch {
	case s.Rate > 0:
		line += fmt.Sprintf("search at %s  ", packetRate(s.Rate))
	case p.pps > 0:
		line += fmt.Sprintf("last %s  ", packetRate(p.pps))
	}
	line += s.Scenario
	if width := p.columns() - 1; len(line) > width {
		line = line[:max(0, width)]
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
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

// clear removes the live line, so that something else can be printed.
func (p *progress) clear() {
	if p.live {
		fmt.Fprint(p.w, "\r\x1b[K")
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
