package history

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// Page is a page of a site.
type Page struct {
	Name     string // of its file
	Document document.Document
}

// IndexName is the page that a site begins with.
const IndexName = "index.html"

// group are the series of one scenario on one host: a page.
type group struct {
	host, scenario, clock string
	series                []*series.Series
}

// page is the file of g. The name can be read, and a hash keeps names that differ in other
// characters apart.
func (g group) page() string {
	sum := sha256.Sum256([]byte(g.host + "\x00" + g.scenario + "\x00" + g.clock))
	name := strings.Trim(notInFile.ReplaceAllString(strings.ToLower(g.scenario), "-"), "-")
	return strings.Trim(name[:min(len(name), 80)], "-") + "-" + hex.EncodeToString(sum[:4]) + ".html"
}

var notInFile = regexp.MustCompile(`[^a-z0-9]+`)

// groupsOf are the groups of a host, those that regressed first.
func groupsOf(t Text, host string) (list []group) {
	for _, s := range worstFirst(t, t.Of(host)) {
		i := slices.IndexFunc(list, func(g group) bool { return g.scenario == s.Scenario && g.clock == s.Clock })
		if i < 0 {
			i, list = len(list), append(list, group{host, s.Scenario, s.Clock, nil})
		}
		list[i].series = append(list[i].series, s)
	}
	return list
}

// worst is the series of g by which a table shows it: that of the worst state, and of these
// the one of the first metric.
func (g group) worst(t Text) *series.Series {
	return slices.MinFunc(g.series, func(a, b *series.Series) int {
		return cmp.Or(cmp.Compare(stateOf(t, a), stateOf(t, b)), cmp.Compare(metric.GateRank(a.Metric), metric.GateRank(b.Metric)))
	})
}

// Site is the history as pages that link to each other: an index, and a page for each
// scenario on each host.
func Site(t Text) []Page {
	index := document.Document{Title: book.Text("title", prose.Values{"Name": t.Name}), Points: t.Points()}
	for _, p := range t.Problems {
		index.Alerts = append(index.Alerts, book.Say("problem", prose.Values{"Problem": p}))
	}
	index.Lead = book.Say("lead", prose.Values{"Runs": len(t.Runs), "Series": len(t.Series)})
	index.Sections = append(index.Sections, linked(t))
	pages := []Page{{Name: IndexName}}
	for _, host := range t.Hosts {
		groups := groupsOf(t, host)
		index.Sections = append(index.Sections, contents(t, host, groups))
		for _, g := range groups {
			pages = append(pages, Page{g.page(), pageOf(t, g)})
		}
	}
	if len(t.Runs) > 0 {
		index.Sections = append(index.Sections, runs(t))
	}
	pages[0].Document = index
	return pages
}

// linked lists the incidents. The series that each is shown by links to its page.
func linked(t Text) document.Section {
	sec := changed(t)
	for b, block := range sec.Blocks {
		tab, ok := block.(document.Table)
		if !ok || len(tab.Rows) != len(t.Incidents) || tab.Fold != "" {
			continue
		}
		for i, in := range t.Incidents {
			s := in.Lead().Series
			tab.Rows[i][largestColumn] = prose.Say(prose.Link(document.PlainText(tab.Rows[i][largestColumn]), group{s.Host, s.Scenario, s.Clock, nil}.page()))
		}
		sec.Blocks[b] = tab
	}
	return sec
}

// contents has a row for each page of a host.
func contents(t Text, host string, groups []group) document.Section {
	sec := document.Section{Heading: book.Text("series heading", prose.Values{"Host": host}), Blocks: []document.Block{t.HostLine(host)}}
	tab := document.Table{Columns: slices.Concat(document.Text("scenario", "state", "metric", "trend"), document.Numeric("runs"), TrendColumns)}
	for _, g := range groups {
		s := g.worst(t)
		name := t.Called(g.series[0])
		tab.Rows = append(tab.Rows, document.Row(slices.Concat([]any{prose.Link(name, g.page()), stateCell(t, s), s.Metric, TrendLine(s), len(s.Shown())}, Trend(s))...))
	}
	tab.Note = book.Say("contents columns", prose.Values{"Common": strings.Join(t.Common, ", "), "Width": sparkWidth})
	sec.Blocks = append(sec.Blocks, tab)
	return sec
}

// pageOf is the page of g: what changed in it, its charts, and its figures.
func pageOf(t Text, g group) document.Document {
	own := within(t, g)
	d := document.Document{
		Title: t.Called(g.series[0]), Lead: prose.Say(prose.Link(book.Text("to index", prose.Values{"Name": t.Name}), IndexName)),
		Points: []prose.Prose{t.HostLine(g.host), book.Say("full name", prose.Values{"Name": g.scenario})},
	}
	if i := slices.IndexFunc(g.series, (*series.Series).ByRatio); i >= 0 {
		d.Points = append(d.Points, book.Say("by ratio", prose.Values{"Metric": g.series[i].Metric}))
	}
	d.Sections = append(d.Sections, changed(own), charts(t, g), figures(t, g))
	return d
}

// within is t with the series of g alone.
func within(t Text, g group) Text {
	h := *t.History
	h.Series = g.series
	c := *t.Check
	c.History, c.Findings, c.Incidents = &h, nil, nil
	mine := func(f series.Finding) bool { return slices.Contains(g.series, f.Series) }
	for _, f := range t.Findings {
		if mine(f) {
			c.Findings = append(c.Findings, f)
		}
	}
	for _, in := range t.Incidents {
		in.Findings = slices.DeleteFunc(slices.Clone(in.Findings), func(f series.Finding) bool { return !mine(f) })
		if len(in.Findings) > 0 {
			c.Incidents = append(c.Incidents, in)
		}
	}
	own := t
	own.Check, own.Hosts = &c, []string{g.host}
	return own
}

// charts draws all series of g.
func charts(t Text, g group) document.Section {
	sec := document.Section{Heading: book.Text("charts heading", nil)}
	source := sourceOf(t, g.host)
	for i, part := range slices.Collect(slices.Chunk(g.series, chart.PanelsATrend)) {
		var panels []chart.TrendPanel
		for _, s := range part {
			p := panel(t, s)
			p.Title = panelOnPage(t, s)
			panels = append(panels, p)
		}
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("history", i), Alt: book.Text("page chart alt", prose.Values{"Name": t.Called(g.series[0])}),
			Chart: chart.Trend{Title: book.Text("page chart title", prose.Values{"Name": t.Called(g.series[0])}), Desc: book.Text("page chart about", nil), Panels: panels},
			N:     points(panels), Source: source,
		})
	}
	return sec
}

// panelOnPage names a series on the page of its scenario.
func panelOnPage(t Text, s *series.Series) string {
	name := s.Metric
	if s.Arm == record.Observed {
		name = book.Text("observed", prose.Values{"Name": name, "Hook": s.Hook})
	}
	if state := stateName(stateOf(t, s)); state != "" {
		name = book.Text("panel state", prose.Values{"Name": name, "State": state})
	}
	return name
}

// figures has a row for each run, the newest first.
func figures(t Text, g group) document.Section {
	tab := document.Table{Columns: document.Text("started", "run", "Linux", "tunbench", "release")}
	byRun := map[string][]string{}
	var points []series.Point
	for i, s := range g.series {
		name := s.Metric
		if arm := string(s.Arm); slices.ContainsFunc(g.series, func(o *series.Series) bool { return o.Arm != s.Arm }) {
			name += ", " + arm
		}
		tab.Columns = append(tab.Columns, document.Numeric(name)...)
		for _, p := range s.Shown() {
			if byRun[p.Run] == nil {
				byRun[p.Run] = slices.Repeat([]string{text.Absent}, len(g.series))
				points = append(points, p)
			}
			if p.N > 0 {
				byRun[p.Run][i] = metric.Quantity(s.Metric, &p.Value)
			}
		}
	}
	slices.SortStableFunc(points, func(a, b series.Point) int { return strings.Compare(b.Started, a.Started) })
	for _, p := range points {
		cells := []any{text.Clock(p.Started), prose.Mono(p.Run), prose.Mono(cmp.Or(p.Kernel, "unknown")), cmp.Or(p.Commit, "unknown"), cmp.Or(p.Release, text.Absent)}
		for _, v := range byRun[p.Run] {
			cells = append(cells, v)
		}
		tab.Rows = append(tab.Rows, document.Row(cells...))
	}
	tab.Fold = book.Text("runs", prose.Values{"Rows": len(tab.Rows)})
	return document.Section{Heading: book.Text("figures heading", nil), Blocks: []document.Block{tab}}
}
