package curve

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// view is a curve and how its figures are written.
type view struct {
	curve.Curve
	scale text.Scale // of the figure
	time  bool       // the figure is a latency
	rate  text.Scale // of X, where it is a rate
}

func newView(c curve.Curve) view {
	v := view{Curve: c, rate: text.Scale{Div: 1}}
	top, right := 0.0, 0.0
	for _, l := range c.Lines {
		for _, p := range l.Points {
			top, right = max(top, p.Y), max(right, p.X)
		}
	}
	kind := curve.KindOf(cmp.Or(c.Metric, metric.LatencyP99), c.Clock)
	v.time = kind.Unit == "ns" && kind.Bench == "" // a latency; a cost has a unit of its own
	v.scale = scaleOf(kind, top)
	if c.X == "load" {
		v.rate = text.RateScale(right)
	}
	return v
}

// shares are the metrics that are shown in per cent.
var shares = []string{record.Loss, record.Retransmits, record.Stopped, record.FlowConsistency, record.Steal}

// scaleOf is the unit of a figure whose largest value is top.
func scaleOf(k metric.Kind, top float64) text.Scale {
	switch {
	case k.Unit == "packets/s":
		return text.RateScale(top)
	case k.Unit == "bit/s" && top < 1e8:
		return text.Scale{Div: 1e6, Unit: "Mbit/s"}
	case k.Unit == "bit/s":
		return text.Scale{Div: 1e9, Unit: "Gbit/s"}
	case k.Unit == "bytes":
		return text.Scale{Div: 1 << 20, Unit: "MiB"}
	case slices.Contains(shares, k.Metric):
		return text.Scale{Div: 0.01, Unit: "%"}
	case book.Has("of " + k.Metric):
		return text.Scale{Div: 1, Unit: book.Text("of "+k.Metric, nil)}
	case k.Unit == "ratio":
		return text.Scale{Div: 1}
	}
	return text.Scale{Div: 1, Unit: k.Unit}
}

// figure names the figure, in lower case only where it is a quantile.
func (v view) figure() string {
	name := v.Metric
	switch name {
	case "":
		return upper(book.Text("latency "+record.E2E, nil))
	case metric.LatencyP50, metric.LatencyP99:
		return book.Text("quantile of latency", prose.Values{"Quantile": name, "Latency": book.Text("latency "+record.E2E, nil)})
	}
	if book.Has("figure " + name) {
		return book.Text("figure "+name, nil)
	}
	if latency, q, ok := strings.Cut(name, "_p"); ok && book.Has("latency "+latency) {
		return book.Text("quantile of latency", prose.Values{"Quantile": "p" + q, "Latency": book.Text("latency "+latency, nil)})
	}
	return name
}

// axis names X.
func (v view) axis() string {
	if book.Has("axis " + v.X) {
		return book.Text("axis "+v.X, nil)
	}
	return v.X
}

// axisUnit is the unit of the numbers on X; "" where they have none.
func (v view) axisUnit() string {
	switch {
	case v.X == "load":
		return v.rate.Unit
	case book.Has("unit " + v.X):
		return book.Text("unit "+v.X, nil)
	}
	return ""
}

// value writes the figure of a point, with its unit.
func (v view) value(y float64) string {
	if v.time {
		return text.Duration(y)
	}
	return strings.TrimSpace(v.number(y) + " " + v.scale.Unit)
}

// number writes the figure of a point without a unit, or as a duration.
func (v view) number(y float64) string {
	switch {
	case v.time:
		return text.Duration(y)
	case v.scale.Unit == "%":
		return text.Percent(y)
	}
	return v.scale.Format(y)
}

// place writes where a point stands: size=64, or the rate that was offered.
func (v view) place(x float64) string {
	if v.X == "load" {
		return v.rate.Format(x) + " " + v.rate.Unit
	}
	return v.X + "=" + text.Exact(x)
}

// scenario names what all points have in common.
func (v view) scenario() string {
	return strings.Join(text.NonEmpty(append([]string{v.Mode}, v.Common...)...), " ")
}

// names are those of the lines, where there are several.
func (v view) names() (names []string) {
	if len(v.Lines) > 1 {
		for _, l := range v.Lines {
			names = append(names, l.Name)
		}
	}
	return names
}

// title says what is shown over what, without what all points have in common.
func (v view) title() string {
	return book.Text("chart title", prose.Values{"Figure": v.figure(), "Axis": v.axis()})
}

// longestTitle is how many characters fit into the head of a chart.
const longestTitle = 92

// change says how the figure changes from one end of the axis to the other, along all lines;
// "" where a line does not show a change: the 95 % intervals at its ends overlap, or there are
// too few trials for them.
func (v view) change() string {
	factors, from, to := newRange(), newRange(), newRange()
	for _, l := range v.Lines {
		if len(l.Points) == 0 {
			return ""
		}
		first, last := l.Points[0], l.Points[len(l.Points)-1]
		if first.Y <= 0 || last.Y <= 0 || !apart(first, last) {
			return ""
		}
		factors.add(last.Y / first.Y)
		from.add(first.X)
		to.add(last.X)
	}
	if len(factors.all) == 0 {
		return ""
	}
	factor := text.FromTo(text.Ratio(factors.low), text.Ratio(factors.high))
	begin, end := "", ""
	if v.X != "load" && from.low == from.high && to.low == to.high { // the rates of lines differ a little
		begin, end = text.Exact(from.low), withSpace(text.Exact(to.low), v.axisUnit())
	}
	return book.Text("chart change", prose.Values{"Factor": factor, "From": begin, "To": end})
}

// apart reports whether the 95 % intervals of two points do not overlap.
func apart(p, q curve.Point) bool {
	a, b := p.Interval, q.Interval
	return p.Ranged && q.Ranged && a.Exact && b.Exact && (a.High < b.Low || b.High < a.Low)
}

// withSpace is a number with its unit, if it has one.
func withSpace(number, unit string) string { return strings.TrimSpace(number + " " + unit) }

// picture draws the curve.
func (v view) picture(file string) document.Picture {
	title, sub := v.title(), v.scenario()
	if change := v.change(); change != "" {
		title = book.Text("chart title with change", prose.Values{"Title": title, "Change": change})
	} else if long := book.Text("chart title with scenario", prose.Values{"Title": title, "Scenario": sub}); len([]rune(long)) <= longestTitle {
		title, sub = long, ""
	}
	k := chart.Curve{
		Title: title, Sub: sub,
		Desc: book.Text("chart description", prose.Values{"Figure": v.figure(), "Axis": v.axis(), "Lines": v.names()}),
		X:    chart.CurveAxis{Title: withUnit(v.axis(), v.axisUnit())},
		Y:    chart.CurveAxis{Title: withUnit(upper(v.figure()), v.scale.Unit), Time: v.time},
	}
	if v.time {
		k.Y.Title = upper(v.figure()) // each number has its unit
	}
	xs, ys := newRange(), newRange()
	var trials []int
	for _, l := range v.Lines {
		line := chart.CurveLine{Name: l.Name}
		for _, p := range l.Points {
			q := chart.CurvePoint{X: p.X / v.rate.Div, Y: p.Y / v.scale.Div, Hollow: p.Few(), Text: v.point(l, p)}
			if p.Ranged {
				q.Low, q.High, q.Exact = p.Interval.Low/v.scale.Div, p.Interval.High/v.scale.Div, p.Interval.Exact
				ys.add(p.Interval.Low)
			}
			xs.add(p.X)
			ys.add(p.Y)
			trials = append(trials, p.Trials)
			line.Points = append(line.Points, q)
		}
		k.Lines = append(k.Lines, line)
	}
	for _, m := range v.Marks {
		xs.add(m.PPS)
		k.Marks = append(k.Marks, chart.CurveMark{X: m.PPS / v.rate.Div, Text: book.Text("mark", prose.Values{"Name": m.Name, "Rate": v.place(m.PPS)})})
	}
	k.Y.Log = ys.low > 0 && (v.time || ys.high >= logAbove*ys.low)
	if v.X == "load" {
		k.X.Log = xs.low > 0 && xs.high >= logRates*xs.low
	} else {
		k.X.Log = xs.low > 0 && xs.high >= logNumbers*xs.low
		k.X.Ticks = slices.Compact(slices.Sorted(slices.Values(xs.all)))
	}
	return document.Picture{
		File: file, Chart: k, N: document.OfTrials(trials),
		Alt: book.Text("chart alt", prose.Values{"Figure": v.figure(), "Axis": v.axis(), "Lines": v.names(), "Scenario": v.scenario()}),
	}
}

// A scale is logarithmic if its largest value is so many times the smallest: of figures, of
// the numbers of an axis, which mostly grow by factors, and of offered rates, which mostly
// do not.
const (
	logAbove   = 12
	logNumbers = 4
	logRates   = 40
)

// point says what stands at a point.
func (v view) point(l curve.Line, p curve.Point) string {
	interval, column := "", ""
	if p.Ranged {
		column = figure.IntervalColumn(p.Interval)
		interval = text.Between(v.number(p.Interval.Low), v.number(p.Interval.High))
	}
	return book.Text("point", prose.Values{"Line": l.Name, "At": v.place(p.X), "Value": v.value(p.Y), "Column": column, "Interval": interval, "Few": few(p)})
}

// few says how many trials a point comes from, if some are not valid.
func few(p curve.Point) string {
	if !p.Few() {
		return ""
	}
	return book.Text("few", prose.Values{"Trials": p.Trials, "Of": p.Of})
}

// span is the range of numbers.
type span struct {
	low, high float64
	all       []float64
}

func newRange() *span { return &span{low: math.Inf(1), high: math.Inf(-1)} }

func (r *span) add(x float64) {
	r.low, r.high = min(r.low, x), max(r.high, x)
	r.all = append(r.all, x)
}

// withUnit appends a unit, if there is one.
func withUnit(title, unit string) string {
	if unit == "" {
		return title
	}
	return book.Text("with unit", prose.Values{"Title": title, "Unit": unit})
}

// upper begins s with a capital letter, unless it begins with a quantile.
func upper(s string) string {
	if s == "" || len(s) > 1 && s[0] == 'p' && s[1] >= '0' && s[1] <= '9' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
