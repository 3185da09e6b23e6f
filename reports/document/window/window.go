// Package window shows one scenario by itself: the rate of each window over time, the
// latency and the queues.
package window

import (
	"embed"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Details has each scenario of list by itself, in their order.
func Details(list []*figure.Scenario) (all document.Details) {
	all.Heading = book.Text("heading", nil)
	for _, s := range list {
		mode, axes := axis.Split(s.Name)
		all.Each = append(all.Each, document.Detail{
			Label: s.Label, Full: s.Full(), Mode: s.Mode,
			Axes: strings.Join(append([]string{"mode=" + strings.ToLower(mode)}, axes...), " "), Blocks: blocks(s),
		})
	}
	return all
}

func blocks(s *figure.Scenario) (all []document.Block) {
	c, ok := timeline(s)
	switch {
	case len(s.Valid()) == 0:
		all = append(all, book.Say("no valid trial", nil))
	case !ok:
		all = append(all, book.Say("no windows", nil))
	default:
		all = append(all, document.Picture{Alt: book.Text("chart alt", prose.Values{"Scenario": s.Full()}), Chart: c})
	}
	for _, t := range []document.Table{latencies(s), queues(s)} {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	return all
}

// timeline draws the rates of the windows of both arms, block after block. An observed
// window stands where the bare window of its round does. Invalid trials are left out.
func timeline(s *figure.Scenario) (chart.Timeline, bool) {
	var c chart.Timeline
	lines := []chart.TimeLine{{Name: string(record.Bare)}, {Name: string(record.Observed)}}
	var pairs []int
	for _, t := range s.Valid() {
		if len(t.Windows) > 0 {
			pairs = append(pairs, t.Pair)
		}
	}
	slices.Sort(pairs)
	pairs = slices.Compact(pairs)
	at, top := 0.0, 0.0
	add := func(rates [2]float64, seconds float64) {
		at += seconds
		c.Seconds = append(c.Seconds, at)
		for i, v := range rates {
			lines[i].Values = append(lines[i].Values, v)
			if v > top {
				top = v
			}
		}
	}
	for i, pair := range pairs {
		if i > 0 { // a gap
			add([2]float64{math.NaN(), math.NaN()}, 1e-9)
		}
		for _, w := range merged(of(s.Bare, pair), of(s.Observ, pair)) {
			add(w.rates, w.seconds)
		}
	}
	if len(c.Seconds) == 0 || !(top > 0) {
		return c, false
	}
	sc := text.RateScale(top)
	kept := slices.DeleteFunc(lines, func(l chart.TimeLine) bool {
		return !slices.ContainsFunc(l.Values, func(v float64) bool { return !math.IsNaN(v) })
	})
	c.Title, c.Desc = book.Text("chart title", prose.Values{"Rate": sc.Unit}), book.Text("chart description", nil)
	c.Panels = []chart.TimePanel{{Title: book.Text("panel", prose.Values{"Rate": sc.Unit, "Blocks": len(pairs)}), Scale: sc, Lines: kept}}
	return c, true
}

// slot is a stretch of measured time, and the rates of the two arms in it.
type slot struct {
	seconds float64
	rates   [2]float64
}

// merged puts the windows of two trials of a block on one time: by their rounds or, where
// they were not measured in rounds, one trial after the other.
func merged(bare, observed *record.Trial) (list []slot) {
	none := math.NaN()
	var left []window
	if observed != nil {
		left = windows(observed)
	}
	for _, w := range windows(bare) {
		s := slot{w.seconds, [2]float64{w.rate, none}}
		if i := slices.IndexFunc(left, func(o window) bool { return o.round > 0 && o.round == w.round }); i >= 0 {
			s.rates[1] = left[i].rate
			left = slices.Delete(left, i, i+1)
		}
		list = append(list, s)
	}
	for _, w := range left {
		list = append(list, slot{w.seconds, [2]float64{none, w.rate}})
	}
	return list
}

type window struct {
	seconds, rate float64
	round         int
}

func windows(t *record.Trial) (list []window) {
	if t == nil {
		return nil
	}
	before := int64(0)
	for _, w := range t.Windows {
		ns := w.TNs - before
		before = w.TNs
		if ns > 0 {
			seconds := float64(ns) / 1e9
			list = append(list, window{seconds, float64(w.Pkts) / seconds, w.Round})
		}
	}
	return list
}

// of is the valid trial of a block; nil where the arm has none with windows.
func of(a figure.Arm, pair int) *record.Trial {
	i := slices.IndexFunc(a.Used, func(t *record.Trial) bool { return t.Pair == pair && len(t.Windows) > 0 })
	if i < 0 {
		return nil
	}
	return a.Used[i]
}

// latencies has a row for each latency that was measured.
func latencies(s *figure.Scenario) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("latency"), document.Numeric("p50", "p90", "p99", "p99.9", "max", "samples"))}
	for _, kind := range metric.LatencyKinds {
		l, arm, ok := s.LatencyOf(kind.Name)
		if !ok {
			continue
		}
		cells := []any{kind.Title + ", " + string(arm)}
		for _, q := range metric.Quantiles {
			v := text.Absent
			if ns, ok := l.Quantile(q.Q); ok {
				v = text.Duration(float64(ns))
			}
			cells = append(cells, v)
		}
		t.Rows = append(t.Rows, document.Row(append(cells, text.Duration(float64(l.Max)), text.Count(l.Count+l.Overflow))...))
	}
	return t
}

// queues has a row for each queue, at each end at which packets were counted.
func queues(s *figure.Scenario) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("queue"), document.Numeric("packets", "share %", "dropped", "p50", "p99", "deepest"))}
	waits := figure.Waits(s)
	for _, sp := range s.Spreads() {
		for _, q := range sp.Queues {
			p50, p99, deepest := text.Absent, text.Absent, text.Absent
			if i := slices.IndexFunc(waits, func(w figure.Wait) bool { return w.Queue == q.Queue.Queue }); i >= 0 {
				p50, p99, deepest = span(waits[i].P50), span(waits[i].P99), strconv.FormatUint(uint64(waits[i].Deepest), 10)
			}
			t.Rows = append(t.Rows, document.Row(strconv.Itoa(q.Queue.Queue)+", "+sp.End.Did(), text.Count(q.Pkts), text.Percent(q.Share), text.Count(q.DropPkts), p50, p99, deepest))
		}
	}
	return t
}

func span(ns *float64) string {
	if ns == nil {
		return text.Absent
	}
	return text.Duration(*ns)
}
