// Package history makes the document on runs over time.
package history

import (
	"cmp"
	"embed"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Text writes what is said of a check.
type Text struct {
	*series.Check
	Hosts  []string // fingerprints, in order
	Common []string
}

func New(c *series.Check) Text {
	t := Text{Check: c}
	var names []string
	for _, s := range c.Series {
		if !slices.Contains(t.Hosts, s.Host) {
			t.Hosts = append(t.Hosts, s.Host)
		}
		if !slices.Contains(names, s.Scenario) {
			names = append(names, s.Scenario)
		}
	}
	t.Common = axis.Common(names)
	return t
}

// Called is the name of a series, without its metric.
func (t Text) Called(s *series.Series) string {
	mode, _ := axis.Split(s.Scenario)
	name := mode + " " + axis.Label(s.Scenario, t.Common)
	if s.Arm == record.Observed {
		name = book.Text("observed", prose.Values{"Name": name, "Hook": s.Hook})
	}
	if s.Clock == record.ClockICount {
		name = book.Text("virtual", prose.Values{"Name": name})
	}
	return name
}

// OnHost is as Called, with the host where the report has several.
func (t Text) OnHost(s *series.Series) string {
	if len(t.Hosts) < 2 {
		return t.Called(s)
	}
	return book.Text("on host", prose.Values{"Name": t.Called(s), "Host": s.Host})
}

// Of returns the series of a host.
func (t Text) Of(host string) (list []*series.Series) {
	for _, s := range t.Series {
		if s.Host == host {
			list = append(list, s)
		}
	}
	return list
}

// HostLine says which machine a fingerprint is, and what is known of it.
func (t Text) HostLine(host string) prose.Prose {
	var runs []*series.StoredRun
	for i := range t.Runs {
		if t.Runs[i].Host == host {
			runs = append(runs, &t.Runs[i])
		}
	}
	if len(runs) == 0 {
		return book.Say("host", prose.Values{"Host": host})
	}
	first, last := runs[0], runs[len(runs)-1]
	h := last.Run.Host
	return book.Say("host runs", prose.Values{
		"Host": host, "Machine": strings.Join(text.NonEmpty(h.CPU, text.Plural(max(h.CPUs, 0), "CPU", "CPUs"), h.Virt), ", "), "Runs": len(runs),
		"First": text.Clock(first.Run.Started), "Last": text.Clock(last.Run.Started), "Newest": last.Run.ID, "Kernel": cmp.Or(h.Kernel, "unknown"),
	})
}

// count returns the number of series with a finding that still stands and is not
// acknowledged, the number of other series with one that is acknowledged, and the
// number of findings that went back.
func (t Text) count(verdict string) (standing, acknowledged, gone int) {
	seen, known := map[*series.Series]bool{}, map[*series.Series]bool{}
	for _, f := range t.Findings {
		switch {
		case f.Verdict != verdict:
		case !f.Standing:
			gone++
		case f.Acknowledged != nil:
			known[f.Series] = true
		default:
			seen[f.Series] = true
		}
	}
	for s := range seen {
		delete(known, s)
	}
	return len(seen), len(known), gone
}

// Points is the result in a few lines.
func (t Text) Points() (p []prose.Prose) {
	if len(t.Series) == 0 {
		return []prose.Prose{book.Say("no series", nil)}
	}
	for _, group := range []struct{ verdict, what string }{{record.Regression, "regressed"}, {record.Improvement, "improved"}} {
		n, known, gone := t.count(group.verdict)
		switch {
		case n > 0:
			p = append(p, book.Say(group.what+" some", prose.Values{"N": n, "Known": known, "Gone": gone, "Incidents": incidentsWith(t, group.verdict)}))
		case known > 0:
			p = append(p, book.Say(group.what+" others", prose.Values{"Known": known, "Gone": gone}))
		case t.Judged > 0 && len(t.Short) == 0:
			p = append(p, book.Say(group.what+" none", prose.Values{"Known": known, "Gone": gone}))
		case t.Judged > 0:
			p = append(p, book.Say(group.what+" none judged", prose.Values{"Judged": t.Judged, "Known": known, "Gone": gone}))
		case gone > 0:
			p = append(p, book.Say(group.what+" gone", prose.Values{"Known": known, "Gone": gone}))
		}
	}
	if len(t.Short) > 0 {
		least, most := t.Short[0].Missing, 0
		for _, s := range t.Short {
			least, most = min(least, s.Missing), max(most, s.Missing)
		}
		p = append(p, book.Say("short", prose.Values{"N": len(t.Short), "Needed": stat.LeastToTell(series.HistoryAlpha), "Least": least, "Most": most}))
	}
	if t.Judged > 0 {
		p = append(p, book.Say("judged", prose.Values{"N": t.Judged, "Window": series.HistoryWindow}))
	}
	for _, host := range t.Hosts {
		if mixed := t.Mixed[host]; mixed != "" {
			p = append(p, book.Say("mixed", prose.Values{"Mixed": mixed}))
		}
	}
	return p
}

// Acknowledged says in a line each what was found and is acknowledged.
func (t Text) Acknowledged() (lines []string) {
	for _, f := range t.Findings {
		if f.Acknowledged != nil {
			lines = append(lines, book.Text("acknowledged finding", prose.Values{
				"Series": t.Called(f.Series), "Finding": FindingFigures(f), "Acknowledged": AckText(*f.Acknowledged),
			}))
		}
	}
	return lines
}

// Document is the report on a history.
func (t Text) Document() document.Document {
	d := document.Document{Title: book.Text("title", prose.Values{"Name": t.Name}), Points: t.Points()}
	for _, p := range t.Problems {
		d.Alerts = append(d.Alerts, book.Say("problem", prose.Values{"Problem": p}))
	}
	d.Lead = book.Say("lead", prose.Values{"Runs": len(t.Runs), "Series": len(t.Series)})
	d.Sections = append(d.Sections, changed(t))
	for _, host := range t.Hosts {
		d.Sections = append(d.Sections, ofHost(t, host)...)
	}
	if len(t.Runs) > 0 {
		d.Sections = append(d.Sections, runs(t))
	}
	return d
}
