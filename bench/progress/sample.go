package progress

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/bench/plan"
	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// sample summarizes the trials of a scenario so far.
type sample struct {
	windows   []float64 // packets/s of each, of trials of the arm whose rates are shown
	low, high float64   // packets/s, of those trials
	bare      bool      // they are the bare ones
	trials    int
	invalid   int
	flags     map[string]int // trials that have it
	last      string         // the last trial, in brief
	tone      screen.Tone    // of the last trial
}

// add takes in the trials of a step.
func (g *sample) add(s plan.Step) {
	g.tone = screen.Plain
	for _, t := range []*record.Trial{s.Base, s.Trial} {
		if t == nil {
			continue
		}
		g.trials++
		for _, flag := range t.Flags {
			g.flags[flag]++
			g.tone = max(g.tone, screen.Caution)
		}
		if t.Invalid() {
			g.invalid++
			g.tone = screen.Bad
		}
	}
	pps := s.Trial.Metrics[record.PPS]
	g.last = packetRate(pps)
	if s.Base != nil {
		g.last = fmt.Sprintf("a %s, b %s", packetRate(s.Base.Metrics[record.PPS]), g.last)
	}
	bare := s.Trial.Arm == record.Bare
	switch {
	case bare && !g.bare: // the bare rate is the headline, not the observed one
		g.bare, g.windows, g.low, g.high = true, nil, pps, pps
	case g.bare && !bare:
		return
	case g.windows == nil && g.high == 0:
		g.low, g.high = pps, pps
	}
	g.low, g.high = min(g.low, pps), max(g.high, pps)
	g.windows = append(g.windows, windowRates(s.Trial)...)
}

// why names the flags of the trials, as many as there is room for, those that
// make a trial invalid first.
func (g *sample) why(room int) string {
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
