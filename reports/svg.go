package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Sizes of the charts, in SVG units. GitHub shows a file about 900 wide.
const (
	chartWidth   = 880.0
	margin       = 16.0
	headHeight   = 58.0 // title and legend
	rowsAChart   = 40   // scenarios in one file
	panelsAChart = 24   // panels in one file

	fontSize = 12.0
	// glyph is a width that no average of 12-unit text in a system font
	// exceeds: texts are placed by an estimate, since nothing here measures them.
	glyph = 7.2
)

// colours are those of the charts, and of a page around them. Blue and orange
// are those of Okabe and Ito, which colour-blind people tell apart.
var colours = []struct{ name, light, dark string }{
	{"ink", "#1f2328", "#e6edf3"}, {"muted", "#59636e", "#9198a1"},
	{"paper", "#fff", "#0d1117"}, {"edge", "#d0d7de", "#30363d"}, {"band", "#f3f5f7", "#161b22"},
	{"grid", "#d8dee4", "#30363d"}, {"minor", "#eceff2", "#1c2128"},
	{"a", "#0072b2", "#56b4e9"}, {"b", "#d55e00", "#e69f00"}, {"c", "#009e73", "#2bb58c"},
	{"d", "#cc79a7", "#d99bbd"}, {"e", "#56b4e9", "#2f7fb8"}, {"bd", "#b8860b", "#c9a227"},
}

// chartStyle says how the classes of a chart look, chartRepaint what changes
// where its colours do.
const (
	chartStyle = `text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:$ink}
.title{font-size:15px;font-weight:600}
.muted{fill:$muted}.strong{font-weight:600}
.bg{fill:$paper;stroke:$edge}.band{fill:$band}
.grid{stroke:$grid}.minor{stroke:$minor}.axis{stroke:$muted}
.a{fill:$a}.as{stroke:$a}.b{fill:$b}.bs{stroke:$b}
.c{fill:$c}.d{fill:$d}.e{fill:$e}.bd{fill:$bd}
.halo{paint-order:stroke;stroke:$paper;stroke-width:3px}
.hollow{fill:$paper}.range{stroke:$ink}.fair{stroke:$muted}
`
	chartRepaint = `text{fill:$ink}
.muted{fill:$muted}
.bg{fill:$paper;stroke:$edge}.band{fill:$band}
.grid{stroke:$grid}.minor{stroke:$minor}.axis{stroke:$muted}
.a{fill:$a}.as{stroke:$a}.b{fill:$b}.bs{stroke:$b}
.c{fill:$c}.d{fill:$d}.e{fill:$e}.bd{fill:$bd}
.halo{stroke:$paper}
.hollow{fill:$paper}.range{stroke:$ink}.fair{stroke:$muted}
`
)

// style is that of a file. An .svg that a page embeds follows the reader's
// colour scheme, not the page's, so the background is part of the chart.
var style = func() string {
	light, dark := map[string]string{}, map[string]string{}
	for _, c := range colours {
		light[c.name], dark[c.name] = c.light, c.dark
	}
	return os.Expand(chartStyle, func(name string) string { return light[name] }) +
		"@media (prefers-color-scheme:dark){\n" + os.Expand(chartRepaint, func(name string) string { return dark[name] }) + "}\n"
}()

// chartColours declares the colours for a page, which says by color-scheme
// which of the two are meant.
func chartColours() string {
	var b strings.Builder
	b.WriteString(":root{")
	for _, c := range colours {
		fmt.Fprintf(&b, "--%s:light-dark(%s,%s);", c.name, c.light, c.dark)
	}
	b.WriteString("}\n")
	return b.String()
}

// chartRules is the style of the charts in a page that has chartColours.
func chartRules() string {
	rules := os.Expand(chartStyle, func(name string) string { return "var(--" + name + ")" })
	return cssRule.ReplaceAllString(rules, ".chart $0")
}

var cssRule = regexp.MustCompile(`[^{}\s][^{}]*\{[^}]*\}`)

// chart draws itself as the content of a standalone .svg file.
type chart interface {
	// head gives the title and what a screen reader says.
	head() (title, desc string)
	// draw places everything below the title and gives the height of the file.
	draw(c *canvas) (height float64)
}

// drawSVG writes ch as one .svg file.
func drawSVG(w io.Writer, ch chart) error {
	title, desc := ch.head()
	var c canvas
	height := ch.draw(&c)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="t d">
<title id="t">%[3]s</title>
<desc id="d">%[4]s</desc>
<style>
%[5]s</style>
<rect class="bg" x="0.5" y="0.5" width="%[6]s" height="%[7]s" rx="6"/>
<text class="title" x="%[8]s" y="27">%[3]s</text>
%[9]s</svg>
`, num(chartWidth), num(height), xmlText(title), xmlText(desc), style, num(chartWidth-1), num(height-1), num(margin), c.b.String())
	return err
}

// drawInline writes ch as an element of a page, which sets its title. alt says
// what it shows.
func drawInline(w io.Writer, ch chart, alt string) error {
	const top = 26 // above it a file has the title
	_, desc := ch.head()
	c := canvas{page: true}
	height := ch.draw(&c)
	_, err := fmt.Fprintf(w, `<svg class="chart" viewBox="0 %d %s %s" role="img" aria-label="%s">
<desc>%s</desc>
%s</svg>
`, top, num(chartWidth), num(height-top), xmlText(alt), xmlText(desc), c.b.String())
	return err
}

// canvas collects SVG elements.
type canvas struct {
	b    strings.Builder
	page bool // part of a page, where the pointer finds tooltips
}

// tip says what is to be read where the pointer is in that rectangle. A file is
// shown as an image, which has no tooltips.
func (c *canvas) tip(x, y, w, h float64, text string) {
	if c.page {
		fmt.Fprintf(&c.b, "<rect class=\"tip\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n", num(x), num(y), num(max(w, 0)), num(max(h, 0)), xmlText(text))
	}
}

func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(printable(s))); err != nil {
		return "" // a strings.Builder takes everything
	}
	return b.String()
}

func (c *canvas) rect(class string, x, y, w, h float64, extra string) {
	fmt.Fprintf(&c.b, "<rect class=%q x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"%s/>\n", class, num(x), num(y), num(max(w, 0)), num(max(h, 0)), extra)
}

func (c *canvas) line(class string, x1, y1, x2, y2, width float64, extra string) {
	fmt.Fprintf(&c.b, "<line class=%q x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke-width=\"%s\"%s/>\n", class, num(x1), num(y1), num(x2), num(y2), num(width), extra)
}

// text places s; anchor is start, middle or end. What was clipped of full is
// in a tooltip.
func (c *canvas) text(class string, x, y float64, anchor, s, full string) {
	tip := ""
	if s != full {
		tip = "<title>" + xmlText(full) + "</title>"
	}
	fmt.Fprintf(&c.b, "<text class=%q x=\"%s\" y=\"%s\" text-anchor=%q>%s%s</text>\n", class, num(x), num(y), anchor, tip, xmlText(s))
}

func (c *canvas) circle(class string, x, y, r float64, extra string) {
	fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"%s\"%s/>\n", class, num(x), num(y), num(r), extra)
}

// over places s on top of other things, with the background around its
// letters.
func (c *canvas) over(x, y float64, s string) { c.text("halo", x, y, "middle", s, s) }

func (c *canvas) diamond(class string, x, y, r float64) {
	fmt.Fprintf(&c.b, "<path class=%q d=\"M%s %sL%s %sL%s %sL%s %sZ\"/>\n", class, num(x-r), num(y), num(x), num(y-r), num(x+r), num(y), num(x), num(y+r))
}

// arrow points right from x or, with a negative length, left: what is meant lies
// beyond.
func (c *canvas) arrow(class string, x, y, length float64) {
	half := math.Abs(length) * 0.7
	fmt.Fprintf(&c.b, "<path class=%q d=\"M%s %sL%s %sL%s %sZ\"/>\n", class, num(x), num(y-half), num(x+length), num(y), num(x), num(y+half))
}

// textWidth is an upper estimate of the width of s.
func textWidth(s string) float64 { return glyph * float64(len([]rune(s))) }

// labelWidth gives the room of the labels left of a chart, and the number of
// characters to clip them to.
func labelWidth(labels []string) (width float64, chars int) {
	const most = 54
	for _, l := range labels {
		chars = max(chars, len([]rune(l)))
	}
	chars = min(chars, most)
	return float64(chars)*glyph*0.97 + 10, chars
}

// ticks gives about n round values from 0 to top.
func ticks(top float64, n int) []float64 {
	if !(top > 0) || math.IsInf(top, 0) {
		return []float64{0}
	}
	raw := top / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	if unit == 0 {
		return []float64{0}
	}
	step := unit
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * unit; step >= raw {
			break
		}
	}
	var t []float64
	for i := 0; float64(i)*step <= top*1.0001; i++ {
		t = append(t, float64(i)*step)
	}
	return t
}

// barChart shows one value a scenario, with its interval or the range that it
// was seen in.
type barChart struct {
	title, desc string
	class       string // "a" or "b"
	unit        string
	bars        []bar
}

type bar struct {
	label            string
	value, low, high float64 // in unit; high is 0 where there is no range
	exact            bool    // low to high is the 95 % interval, else lowest to highest
	text             string
	hollow           bool // not to be quoted
}

func (b barChart) head() (string, string) { return b.title, b.desc }

func (b barChart) draw(c *canvas) float64 {
	const pitch, thick = 24.0, 14.0
	labels := make([]string, len(b.bars))
	top, widest, hollow, intervals, ranges := 0.0, 0.0, false, false, false
	for i, r := range b.bars {
		labels[i] = r.label
		top = max(top, r.value, r.high)
		widest = max(widest, textWidth(r.text))
		hollow = hollow || r.hollow
		if r.high > r.low {
			intervals, ranges = intervals || r.exact, ranges || !r.exact
		}
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	if !(top > 0) {
		top = 1
	}
	at := func(v float64) float64 { return left + (right-left)*(v/top) }
	bottom := headHeight + pitch*float64(len(b.bars))

	note := "median, " + b.unit
	switch {
	case intervals && ranges:
		note += "; line: 95 % interval, dashed where it is lowest to highest trial"
	case intervals:
		note += "; line: 95 % interval"
	case ranges:
		note += "; line: lowest to highest trial"
	}
	if hollow {
		note += "; hollow: no valid trial"
	}
	c.text("muted", margin, 46, "start", note, note)
	marks := ticks(top, 5)
	for _, t := range marks {
		c.line("grid", at(t), headHeight, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", figure(t), figure(t))
	}
	for i, r := range b.bars {
		y := headHeight + pitch*float64(i) + pitch/2
		c.text("label", left-8, y+4, "end", clip(r.label, chars), r.label)
		class, extra := b.class, ""
		if r.hollow {
			class, extra = "hollow "+b.class+"s", ` stroke-dasharray="3 2"`
		}
		c.rect(class, left, y-thick/2, at(r.value)-left, thick, extra)
		end := at(r.value)
		if r.high > r.low {
			dashes := ""
			if intervals && !r.exact {
				dashes = ` stroke-dasharray="3 2"`
			}
			c.line("range", at(r.low), y, at(r.high), y, 1.5, dashes)
			c.line("range", at(r.low), y-4, at(r.low), y+4, 1.5, "")
			c.line("range", at(r.high), y-4, at(r.high), y+4, 1.5, "")
			end = max(end, at(r.high))
		}
		c.text("strong", end+7, y+4, "start", r.text, r.text)
		c.tip(0, y-pitch/2, chartWidth, pitch, r.tip(b.unit))
	}
	c.line("axis", left, headHeight, left, bottom+4, 1, "")
	return bottom + 32
}

func (r bar) tip(unit string) string {
	t := r.label + ": " + r.text + " " + unit
	switch {
	case !(r.high > r.low):
	case r.exact:
		t += ", 95 % interval " + between(figure(r.low), figure(r.high))
	default:
		t += ", lowest to highest trial " + between(figure(r.low), figure(r.high))
	}
	if r.hollow {
		t += ", no valid trial"
	}
	return t
}

// splitChart shows of what a figure is made, one row a scenario and one or more
// lanes in it.
type splitChart struct {
	title, desc string
	note        string // the unit of the scale
	parts       []part // of a lane, in its order
	rows        []splitRow
	shares      bool // each lane is as long as the scale, which is of its sum
}

type part struct{ name, class string }

type splitRow struct {
	label string
	lanes []splitLane
}

type splitLane struct {
	parts []float64 // ns, one for each of the chart, not negative
	text  string
}

func (l splitLane) sum() (sum float64) {
	for _, v := range l.parts {
		sum += v
	}
	return sum
}

func (s splitChart) head() (string, string) { return s.title, s.desc }

func (s splitChart) draw(c *canvas) float64 {
	const laneHeight, pad = 15.0, 10.0
	var labels []string
	top, widest, bottom := 0.0, 0.0, headHeight+4
	used := make([]bool, len(s.parts))
	for _, r := range s.rows {
		labels = append(labels, r.label)
		bottom += pad + laneHeight*float64(len(r.lanes))
		for _, l := range r.lanes {
			top = max(top, l.sum())
			widest = max(widest, textWidth(l.text))
			for i, v := range l.parts {
				used[i] = used[i] || v > 0
			}
		}
	}
	if !(top > 0) {
		top = 1
	}
	if s.shares {
		top = 100
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	at := func(v float64) float64 { return left + (right-left)*(v/top) }

	x := margin
	for i, p := range s.parts {
		if used[i] {
			c.rect(p.class, x, 38, 12, 8, ` rx="2"`)
			c.text("muted", x+17, 46, "start", p.name, p.name)
			x += 17 + textWidth(p.name) + 12
		}
	}
	c.text("muted", chartWidth-margin, 46, "end", s.note, s.note)

	y := headHeight + 4
	for i, r := range s.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		if i%2 == 0 {
			c.rect("band", margin/2, y, chartWidth-margin, h, "")
		}
		y += h
	}
	for _, t := range ticks(top, 5) {
		c.line("grid", at(t), headHeight+4, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", figure(t), figure(t))
	}
	y = headHeight + 4
	for _, r := range s.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		c.text("label", left-8, y+h/2+4, "end", clip(r.label, chars), r.label)
		for i, l := range r.lanes {
			l.draw(c, s, y+pad/2+laneHeight*(float64(i)+0.5), at)
			c.tip(0, y+pad/2+laneHeight*float64(i), chartWidth, laneHeight, r.label+": "+l.tip(s.parts))
		}
		y += h
	}
	c.line("axis", left, headHeight+4, left, bottom+4, 1, "")
	return bottom + 32
}

// tip names each part.
func (l splitLane) tip(parts []part) string {
	var names []string
	for i, v := range l.parts {
		if v > 0 {
			names = append(names, parts[i].name+" "+duration(v))
		}
	}
	return l.text + " (" + strings.Join(names, ", ") + ")"
}

// draw places the parts one behind the other, their middle at height y.
func (l splitLane) draw(c *canvas, s splitChart, y float64, at func(float64) float64) {
	const thick = 11.0
	scale, end := 1.0, 0.0
	if sum := l.sum(); s.shares && sum > 0 {
		scale = 100 / sum
	}
	for i, v := range l.parts {
		if v > 0 {
			c.rect(s.parts[i].class, at(end), y-thick/2, at(end+v*scale)-at(end), thick, "")
			end += v * scale
		}
	}
	c.text("strong", at(end)+7, y+4, "start", l.text, l.text)
}

// panelChart shows how packets were spread over queues, one panel a scenario.
type panelChart struct {
	title, desc string
	panels      []panel
}

type panel struct {
	title, note string
	fair        float64 // even share
	bars        []queueBar
}

type queueBar struct {
	name  string
	share float64 // ratio
	text  string  // the share in per cent
}

func (p panelChart) head() (string, string) { return p.title, p.desc }

func (p panelChart) draw(c *canvas) float64 {
	const columns, tall, plot = 2, 152.0, 76.0
	gap := 28.0
	wide := (chartWidth - 2*margin - gap*(columns-1)) / columns
	note := "per cent; dashed: an even share"
	c.text("muted", margin, 46, "start", note, note)
	for i, pan := range p.panels {
		x := margin + float64(i%columns)*(wide+gap)
		y := headHeight + float64(i/columns)*tall + 8
		c.text("label", x, y+10, "start", clip(pan.title, int(wide/glyph)), pan.title)
		c.text("muted", x, y+25, "start", pan.note, pan.note)
		base := y + 46 + plot
		top := pan.fair
		for _, b := range pan.bars {
			top = max(top, b.share)
		}
		slot := wide / float64(len(pan.bars))
		thick := min(slot*0.72, 60)
		if slot < 4 {
			thick = slot * 0.9
		}
		every := 1 + int(26/slot)
		for j, b := range pan.bars {
			mid := x + slot*(float64(j)+0.5)
			h := plot * b.share / top
			c.rect("a", mid-thick/2, base-h, thick, h, "")
			if j%every == 0 {
				c.text("muted", mid, base+15, "middle", b.name, b.name)
			}
		}
		level := base - plot*pan.fair/top
		c.line("fair", x, level, x+wide, level, 1, ` stroke-dasharray="4 3"`)
		c.line("axis", x, base, x+wide, base, 1, "")
		for j, b := range pan.bars {
			if slot >= 26 {
				c.over(x+slot*(float64(j)+0.5), base-plot*b.share/top-5, b.text)
			}
			c.tip(x+slot*float64(j), base-plot-12, slot, plot+28, pan.title+": queue "+b.name+", "+percent(b.share)+" % of the packets")
		}
	}
	lines := (len(p.panels) + columns - 1) / columns
	return headHeight + float64(lines)*tall + 12
}

// ladderChart shows quantiles on a logarithmic scale of nanoseconds, one row a
// scenario and one lane a latency.
type ladderChart struct {
	title, desc string
	rows        []ladderRow
}

type ladderRow struct {
	label string
	lanes []lane
}

type lane struct {
	kind string
	at   [4]float64 // the quantiles, 0 where not known
	max  float64
}

func (l ladderChart) head() (string, string) { return l.title, l.desc }

func (l ladderChart) draw(c *canvas) float64 {
	const laneHeight, pad = 15.0, 10.0
	classes := map[string]string{}
	var kinds, labels []string
	low, high := math.Inf(1), 1.0
	for _, r := range l.rows {
		labels = append(labels, r.label)
		for _, n := range r.lanes {
			if _, ok := classes[n.kind]; !ok {
				classes[n.kind] = []string{"a", "b"}[min(len(kinds), 1)]
				kinds = append(kinds, n.kind)
			}
			for _, v := range slices.Concat(n.at[:], []float64{n.max}) {
				if v > 0 {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	if math.IsInf(low, 0) {
		low = high
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - 18
	// The scale ends at 1, 2 or 5 times a power of ten.
	var first, last float64
	for _, v := range steps() {
		if v <= low {
			first = v
		}
		if last < high {
			last = v
		}
	}
	if first == 0 {
		first = 1
	}
	if last <= first {
		last = 10 * first
	}
	at := func(v float64) float64 {
		v = min(max(v, first), last)
		return left + (right-left)*math.Log(v/first)/math.Log(last/first)
	}
	bottom := headHeight + 4
	for _, r := range l.rows {
		bottom += pad + laneHeight*float64(len(r.lanes))
	}

	y := headHeight + 4
	for i, r := range l.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		if i%2 == 0 {
			c.rect("band", margin/2, y, chartWidth-margin, h, "")
		}
		y += h
	}
	space := (right - left) / math.Log10(last/first) // of a decade
	for _, v := range steps() {
		if v < first || v > last {
			continue
		}
		decade := math.Abs(math.Log10(v)-math.Round(math.Log10(v))) < 1e-9
		class := "minor"
		if decade {
			class = "grid"
		}
		c.line(class, at(v), headHeight+4, at(v), bottom+4, 1, "")
		if decade || space > 170 {
			s := tickDuration(v)
			c.text("muted", at(v), bottom+18, "middle", s, s)
		}
	}
	y = headHeight + 4
	for _, r := range l.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		c.text("label", left-8, y+h/2+4, "end", clip(r.label, chars), r.label)
		for i, n := range r.lanes {
			n.draw(c, classes[n.kind], y+pad/2+laneHeight*(float64(i)+0.5), at)
			c.tip(0, y+pad/2+laneHeight*float64(i), chartWidth, laneHeight, r.label+": "+n.tip())
		}
		y += h
	}

	// Legend: colours, then marks.
	x := margin
	for _, k := range kinds {
		c.rect(classes[k], x, 38, 12, 8, ` rx="2"`)
		c.text("muted", x+17, 46, "start", k, k)
		x += 17 + textWidth(k) + 12
	}
	x += 12
	for i, name := range []string{"p50", "p90", "p99", "p99.9", "max"} {
		mark(c, "axis", "muted", i, x+4, 42)
		c.text("muted", x+13, 46, "start", name, name)
		x += 13 + textWidth(name) + 12
	}
	return bottom + 32
}

// tip names each quantile that is known.
func (n lane) tip() string {
	var known []string
	for i, v := range n.at {
		if v > 0 {
			known = append(known, quantiles[i].name+" "+duration(v))
		}
	}
	return n.kind + ", " + strings.Join(append(known, "max "+duration(n.max)), ", ")
}

func (n lane) draw(c *canvas, class string, y float64, at func(float64) float64) {
	values := append(slices.Clone(n.at[:]), n.max)
	start := n.max
	for _, v := range values {
		if v > 0 {
			start = min(start, v)
		}
	}
	if start <= 0 {
		return
	}
	c.line(class+"s", at(start), y, at(n.max), y, 1.5, "")
	if n.at[0] > 0 && n.at[2] > 0 {
		c.line(class+"s", at(n.at[0]), y, at(n.at[2]), y, 4, ` stroke-opacity="0.45"`)
	}
	// Drawn from the tail, so that the median lies on top.
	for i := len(values) - 1; i >= 0; i-- {
		if values[i] > 0 {
			mark(c, class+"s", class, i, at(values[i]), y)
		}
	}
}

// mark draws the sign of the i-th of p50, p90, p99, p99.9 and max. They differ
// in shape, not in colour.
func mark(c *canvas, stroke, fill string, i int, x, y float64) {
	switch i {
	case 0:
		c.circle(fill, x, y, 4.5, "")
	case 1:
		c.line(stroke, x, y-5, x, y+5, 2, "")
	case 2:
		c.diamond(fill, x, y, 4.5)
	case 3:
		c.line(stroke, x, y-3.5, x, y+3.5, 1.5, "")
	default:
		c.circle("hollow "+stroke, x, y, 3.2, ` stroke-width="1.5"`)
	}
}

// tickDuration gives a step without digits that say nothing.
func tickDuration(ns float64) string {
	number, unit, _ := strings.Cut(duration(ns), " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}

// steps gives 1, 2 and 5 times each power of ten, from 1 ns up.
func steps() []float64 {
	var s []float64
	for e := 0; e < 19; e++ {
		for _, m := range []float64{1, 2, 5} {
			s = append(s, m*math.Pow10(e))
		}
	}
	return s
}
