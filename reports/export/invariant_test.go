package export

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// checker holds a finished document, and the records that it is of, against what
// must be true of any: it collects what is not.
type checker struct {
	violations []violation
	where      string // the section under way
}

// violation is what is wrong, and where.
type violation struct{ rule, where, what string }

func (v violation) String() string { return v.rule + ": " + v.where + ": " + v.what }

func (c *checker) fail(rule, format string, args ...any) {
	c.violations = append(c.violations, violation{rule, c.where, fmt.Sprintf(format, args...)})
}

// The rules, by the names that violations have.
const (
	ruleFinite    = "every figure is a number"
	ruleUnit      = "every figure has a unit"
	ruleQuantiles = "quantiles are ordered"
	ruleChange    = "a change is that of the figures beside it"
	ruleRatio     = "no ratio of an absent or zero figure"
	ruleFloor     = "nothing is below the floor"
	ruleShares    = "shares add up to 100 %"
	ruleSums      = "sums agree"
	ruleSame      = "a figure is the same wherever it stands"
	ruleInterval  = "an estimate lies in its interval"
	ruleArms      = "figures of different trials are told apart"
	ruleLedger    = "the accounts of a trial close"
	ruleLife      = "no packet waits for longer than its trial lasts"
	ruleClip      = "a chart says where it clips"
)

// checkDocument gives what in d is wrong by itself.
func checkDocument(d document.Document) []violation {
	c := &checker{where: d.Title}
	c.prose(slices.Concat([]prose.Prose{{{Text: d.Title}}, d.Lead}, d.Alerts, d.Points)...)
	for _, s := range d.Sections {
		c.where = s.Heading
		c.prose(prose.Prose{{Text: s.Heading}})
		c.blocks(s.Blocks)
		c.residency(s)
	}
	c.writes(d)
	return c.violations
}

func (c *checker) blocks(blocks []document.Block) {
	for _, b := range blocks {
		switch v := b.(type) {
		case prose.Prose:
			c.prose(v)
		case document.Small:
			c.prose(prose.Prose(v))
		case document.Bullets:
			c.prose(v...)
		case document.Fold:
			c.blocks(v.Blocks)
		case document.Table:
			c.table(v)
		case document.Picture:
			c.picture(v)
		}
	}
}

var (
	notFinite = regexp.MustCompile(`(?:^|[^\pL])(?:NaN|[+−-]?Inf)(?:$|[^\pL])`)
	ofNothing = regexp.MustCompile(`(?:^|[^0-9.,])0(?:\.0+)? (?:ns|µs|ms|s)\b[^0-9]{0,4}[1-9][0-9.,]* ×|(?:^|[^0-9.,])0(?:\.0+)? (?:ns|µs|ms|s)\b[^0-9]{0,4}0\.[0-9]*[1-9][0-9]* ×`)
	below     = regexp.MustCompile(`(?:^|[^0-9.,])0\.[0-9]+ × floor`)
)

// text checks what is said of figures in a sentence, a label or a cell.
func (c *checker) text(s string) {
	if notFinite.MatchString(s) {
		c.fail(ruleFinite, "%q", s)
	}
	if ofNothing.MatchString(s) {
		c.fail(ruleRatio, "%q", s)
	}
	if below.MatchString(s) {
		c.fail(ruleFloor, "%q", s)
	}
}

func (c *checker) prose(list ...prose.Prose) {
	for _, p := range list {
		// What comes from outside, such as names and arguments, is no figure.
		var own strings.Builder
		for _, piece := range p {
			if piece.Look != prose.Code {
				own.WriteString(piece.Text)
			}
		}
		c.text(own.String())
	}
}

// counts are the columns whose figures have no unit because they count what the
// name says, or are ratios of 1.
var counts = []string{
	"queue", "queues", "hops", "empty", "effective", "max/mean", "Jain", "by chance", "hash p", "n", "p", "pairs", "pair", "blocks", "block", "trials", "flows", "samples", "missed", "moved", "packets",
	"xmit packets", "read packets", "read or received", "dropped", "writes", "system calls", "refused", "headers", "partial", "complete", "in", "out", "system calls per unit",
	"packets due", "offered", "accepted", "delivered", "unexplained", "offered/delivered", "cwnd", "reordered", "slowest", "scenarios", "skipped", "invalid", "shard", "host", "count",
	"verdicts", "runs", "boots", "txqlen", "conditional", "×", "ratio", "× floor", "× loopback", "per second",
}

// unitIn reports whether the name of a column has the unit of its figures. The
// interval of a figure has that of the column before it.
var unitIn = regexp.MustCompile(`%|\b(?:ns|[kM]?pps|Gbit/s|bytes|instructions)\b|^(?:send|receive)\b|^(?:largest|MTU|vnet header)$|^(?:` + regexp.QuoteMeta(text.IntervalName) + `|` + regexp.QuoteMeta(text.RangeName) + `|lowest to highest)$`)

// unitOfCell is what a figure may have behind it.
var unitOfCell = regexp.MustCompile(`(?:ns|µs|ms|[0-9] s|B|KiB|MiB|GiB|TiB|pps|bit/s|%|points|instructions|×)(?:$|[ ,;)–/])|^[+−-]?0$`)

// inInstructions and inNs are headings whose tables have that unit throughout.
var unitInHeading = regexp.MustCompile(`\bin (?:instructions|ns|instructions or ns)\b`)

// comparisons have the unit of each row in its metric.
var metricColumns = []string{"base", "new", "change", "threshold", "newest", "since first", "since last", "since release"}

func (c *checker) table(t document.Table) {
	c.prose(t.Note)
	place := c.where
	if t.Fold != "" {
		c.where += " / " + t.Fold
	}
	defer func() { c.where = place }()
	names := make([]string, len(t.Columns))
	for i, col := range t.Columns {
		names[i] = col.Name
	}
	for _, r := range t.Rows {
		if len(r) != len(t.Columns) {
			c.fail(ruleSums, "%d cells under %d columns in %q", len(r), len(t.Columns), names)
			return
		}
	}
	rows := make([][]string, len(t.Rows))
	for i, r := range t.Rows {
		for j, cell := range r {
			content := document.PlainText(cell)
			rows[i] = append(rows[i], content)
			if !t.Columns[j].Numeric {
				continue
			}
			c.text(content)
			_, figure := text.ShownValue(content)
			if figure && !c.hasUnit(names, j, content) {
				c.fail(ruleUnit, "%q under %q", content, names[j])
			}
		}
	}
	c.quantiles(names, rows)
	c.changes(names, rows)
	c.shares(names, rows)
	c.floors(names, rows)
	if whole, part := slices.Index(names, "send to read"), slices.Index(names, "residency"); whole >= 0 && part >= 0 {
		for _, r := range rows {
			a, okA := text.ShownValue(r[whole])
			b, okB := text.ShownValue(r[part])
			if okA && okB && b-half(r[part]) > 1.04*(a+half(r[whole])) {
				c.fail(ruleSums, "residency %s of %s in %q", r[part], r[whole], r[0])
			}
		}
	}
}

func (c *checker) hasUnit(names []string, i int, cell string) bool {
	name := names[i]
	return slices.Contains(counts, name) || unitIn.MatchString(name) || unitOfCell.MatchString(cell) || unitInHeading.MatchString(c.where) ||
		slices.Contains(metricColumns, name) && slices.Contains(names, "metric")
}

// orders are columns whose figures do not fall from one to the next.
var orders = [][]string{
	{"p50", "p90", "p99", "p99.9", "max"}, {"service p50", "service p99", "service p99.9"}, {"sent − due p99", "sent − due max"}, {"minimum RTT", "RTT"}, {"least %", "most %"},
}

func (c *checker) quantiles(names []string, rows [][]string) {
	for _, order := range orders {
		for _, r := range rows {
			last, of := math.Inf(-1), ""
			for _, name := range order {
				i := slices.Index(names, name)
				if i < 0 {
					continue
				}
				v, ok := text.ShownValue(r[i])
				if !ok {
					continue
				}
				if v < last {
					c.fail(ruleQuantiles, "%s %s is below %s in %q", name, r[i], of, r[0])
				}
				last, of = v, name+" "+r[i]
			}
		}
	}
}

// half is half of the last digit that a figure is shown with: what rounding may
// have taken from it.
func half(s string) float64 {
	m := text.Shown.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	_, frac, _ := strings.Cut(m[2], ".")
	h := 0.5 * math.Pow10(-len(frac))
	if factor, ok := text.UnitFactors[m[3]]; ok {
		h *= factor
	}
	return h
}

// changeOf holds a change in per cent, or a ratio if percent is false, against
// the figures that it is of, as far as they are shown.
func (c *checker) changeOf(base, next, change string, percent bool) {
	a, okA := text.ShownValue(base)
	b, okB := text.ShownValue(next)
	v, ok := text.ShownValue(change)
	switch {
	case !ok:
		return
	case !okA || !okB || a <= 0:
		c.fail(ruleRatio, "%s of %q and %q", change, base, next)
		return
	}
	slack := half(change)
	if percent {
		v, slack = v/100+1, slack/100
	}
	low := (b - half(next)) / (a + half(base))
	high := math.Inf(1)
	if a > half(base) {
		high = (b + half(next)) / (a - half(base))
	}
	const rounding = 1e-9
	if v+slack < low-rounding || v-slack > high+rounding {
		c.fail(ruleChange, "%s of %s and %s", change, base, next)
	}
}

func (c *checker) changes(names []string, rows [][]string) {
	at := func(name string) int { return slices.Index(names, name) }
	for i, name := range names {
		switch {
		case i >= 2 && (name == "change %" || name == "%") && (strings.HasPrefix(names[i-2], "send ") || strings.HasPrefix(names[i-2], "receive ")):
			for _, r := range rows {
				c.changeOf(r[i-2], r[i-1], r[i], true)
			}
		case name == "change" && at("pairs") >= 0 && i >= 2 && strings.HasPrefix(names[i-1], "observed "):
			for _, r := range rows {
				if r[at("pairs")] == "1" { // of more it is the median of their ratios
					c.changeOf(r[i-2], r[i-1], r[i], true)
				}
			}
		case name == "ratio" && i+1 < len(names):
			for _, r := range rows {
				c.within(r[i], strings.Replace(r[i+1], "–", " to ", 1))
			}
		case name == "×" && i > 0:
			c.groups(names, rows, i)
		case name == "change" && at(text.IntervalName) >= 0 && at("base") >= 0:
			for _, r := range rows {
				c.within(r[i], r[at(text.IntervalName)])
			}
		}
	}
}

// groups checks the ratios to the first row of each group, whose name stands in
// that row only.
func (c *checker) groups(names []string, rows [][]string, i int) {
	base := ""
	for _, r := range rows {
		if r[0] != "" {
			base = r[i-1]
		}
		c.changeOf(base, r[i-1], r[i], false)
	}
}

// within holds an estimate against its interval, `low to high` with one unit.
func (c *checker) within(estimate, interval string) {
	low, high, ok := strings.Cut(interval, " to ")
	v, okV := text.ShownValue(estimate)
	a, okA := text.ShownValue(low)
	b, okB := text.ShownValue(high)
	if !ok || !okV || !okA || !okB {
		return
	}
	slack := half(estimate) + max(half(low), half(high))
	if v < a-slack || v > b+slack || a > b {
		c.fail(ruleInterval, "%s in %s", estimate, interval)
	}
}

// shares checks columns of shares: those of one group of rows are of one whole.
func (c *checker) shares(names []string, rows [][]string) {
	i := slices.Index(names, "share %")
	if j := slices.Index(names, "size up to (bytes)"); i < 0 && j >= 0 {
		i = slices.Index(names, "%")
	}
	if i < 0 {
		return
	}
	sum, slack, known, of := 0.0, 0.0, 0, ""
	side := slices.Index(names, "packets") // of dir=both a scenario has two groups
	end := func() {
		if known > 0 && math.Abs(sum-100) > slack+1e-9 {
			c.fail(ruleShares, "%s: %.2f %%", of, sum)
		}
		sum, slack, known = 0, 0, 0
	}
	for _, r := range rows {
		if r[0] != "" || side > 0 && r[side] != "" {
			end()
			of = r[0]
			if side > 0 {
				of += ", " + r[side]
			}
		}
		if v, ok := text.ShownValue(r[i]); ok {
			sum += v
			slack += max(half(r[i]), 0.05) // of >99.9, a tenth
			known++
		}
	}
	end()
}

// floors checks that no ratio to the floor is below 1, or stands beside no time.
func (c *checker) floors(names []string, rows [][]string) {
	i := slices.Index(names, "× floor")
	if i < 0 {
		return
	}
	for _, r := range rows {
		v, ok := text.ShownValue(r[i])
		if ok && v+half(r[i]) < 1 {
			c.fail(ruleFloor, "%s × in %q", r[i], r[0])
		}
		for _, side := range []string{"reader", "writer"} {
			j := slices.Index(names, side)
			if j < 0 || !ok {
				continue
			}
			whole, known := text.ShownValue(r[j])
			if !known || whole <= 0 {
				c.fail(ruleRatio, "%s × of %q in %q", r[i], r[j], r[0])
				continue
			}
			sum, slack := 0.0, half(r[j])
			for _, part := range []string{"system call", "copy", "rest"} {
				x, _ := text.ShownValue(r[slices.Index(names, part)])
				sum += x
				slack += half(r[slices.Index(names, part)])
			}
			if math.Abs(sum-whole) > slack+1e-9 {
				c.fail(ruleSums, "%v of the parts, %s of the %s in %q", sum, r[j], side, r[0])
			}
		}
	}
}

// residency wants a word where it lies above end to end.
func (c *checker) residency(s document.Section) {
	if s.Heading != "Latency" {
		return
	}
	median := map[string]map[string]float64{}
	kind, content := "", ""
	for _, b := range s.Blocks {
		switch v := b.(type) {
		case prose.Prose:
			kind = document.PlainText(v)
			content += kind
		case document.Table:
			at := slices.IndexFunc(v.Columns, func(c document.Column) bool { return c.Name == "p50" })
			for _, r := range v.Rows {
				if x, ok := text.ShownValue(document.PlainText(r[max(at, 0)])); ok && at > 0 {
					name, _, _ := strings.Cut(kind, ":")
					if median[name] == nil {
						median[name] = map[string]float64{}
					}
					median[name][document.PlainText(r[0])] = x
				}
			}
		}
	}
	for scenario, inside := range median["Residency"] {
		if whole, ok := median["End to end"][scenario]; ok && inside > 1.04*whole && !strings.Contains(content, "different trials") {
			c.fail(ruleArms, "residency of %q is %v ns, end to end %v ns", scenario, inside, whole)
		}
	}
}
