package export

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document/history"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// siteOf renders the pages of a history.
func siteOf(t *testing.T, c *series.Check) (names []string, pages map[string]string) {
	t.Helper()
	pages = map[string]string{}
	for _, p := range history.Site(history.New(c)) {
		var b bytes.Buffer
		if err := render.HTML(&b, p.Document); err != nil {
			t.Fatal(err)
		}
		if _, twice := pages[p.Name]; twice {
			t.Errorf("two pages are %s", p.Name)
		}
		names, pages[p.Name] = append(names, p.Name), b.String()
	}
	return names, pages
}

var linkOf = regexp.MustCompile(`<a href="([^"#][^"]*)"`)

// An index and a page for each scenario on each host, all of which can be reached and lead
// back. Nothing is loaded from elsewhere, and no name breaks out of its place.
func TestHistorySite(t *testing.T) {
	runs := storyRuns()
	names, pages := siteOf(t, checkOf(t, runs, series.Options{}))
	// Two scenarios on one host, one on the other.
	if len(names) != 4 || names[0] != history.IndexName {
		t.Fatalf("pages: %q", names)
	}
	plain := regexp.MustCompile(`^[a-z0-9-]+\.html$`)
	reached := map[string]bool{history.IndexName: true}
	for name, page := range pages {
		if !plain.MatchString(name) {
			t.Errorf("%q is not a plain name of a file", name)
		}
		if strings.Contains(page, "<script>alert") || regexp.MustCompile(`(?i)(src|href)="?(https?:|//)`).MatchString(page) {
			t.Errorf("%s loads something, or a name breaks out", name)
		}
		links := linkOf.FindAllStringSubmatch(page, -1)
		for _, l := range links {
			to := html.UnescapeString(l[1])
			if _, there := pages[to]; !there {
				t.Errorf("%s links to %s, which is no page", name, to)
			}
			if name == history.IndexName {
				reached[to] = true
			}
		}
		if name != history.IndexName && (len(links) != 1 || links[0][1] != history.IndexName) {
			t.Errorf("%s does not lead back: %q", name, links)
		}
	}
	if len(reached) != len(pages) {
		t.Errorf("the index leads to %d pages of %d", len(reached), len(pages))
	}
	if n := strings.Count(strings.Join(slices.Collect(func(yield func(string) bool) {
		for name, page := range pages {
			if name != history.IndexName && !yield(page) {
				return
			}
		}
	}), ""), "<polyline"); n != 2*5 { // in a wide and in a narrow chart
		t.Errorf("%d lines are drawn, not 2 of 5 series", n)
	}
}

// The scenarios that regressed are the first of the index and marked, and their pages
// say so.
func TestHistorySiteOrder(t *testing.T) {
	runs := over(1, 60, 0.004, func(int) float64 { return 1 }, func(i int, f *record.File) {
		for k, name := range []string{"a", "b"} {
			other := f.Trials[0]
			other.Scenario = fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=%d/size=64/steer=%s", k+2, name)
			other.Metrics = map[string]float64{record.PPS: f.Trials[0].Metrics[record.PPS]}
			if i >= 30 && name == "b" {
				other.Metrics[record.PPS] *= 0.9
			}
			f.Trials = append(f.Trials, other)
		}
	})
	_, pages := siteOf(t, checkOf(t, runs, series.Options{}))
	rows := pages[history.IndexName]
	rows = rows[strings.LastIndex(rows, "Series of host"):] // the contents name it before
	links := linkOf.FindAllStringSubmatch(rows, -1)
	if len(links) != 3 || !strings.Contains(links[0][1], "steer-b") || strings.Count(pages[history.IndexName], "<strong>regressed</strong>") != 1 {
		t.Fatalf("the index begins with %q", links)
	}
	for name, page := range pages {
		if regressed := strings.Contains(page, "pps – regressed"); regressed != (name == links[0][1]) {
			t.Errorf("%s: regressed %v", name, regressed)
		}
		if none := strings.Contains(page, "No series changed."); none != (name != links[0][1] && name != history.IndexName) {
			t.Errorf("%s: no changes %v", name, none)
		}
	}
	// Names that differ in odd characters only are different pages.
	odd := over(1, 3, 0.01, func(int) float64 { return 1 }, func(i int, f *record.File) {
		for _, name := range []string{"Tun/a=ü", "Tun/a=ö", "Tun/a=" + strings.Repeat("x", 300), "Tun/a=" + strings.Repeat("x", 301), "../../etc/passwd", fixture.Hostile} {
			other := f.Trials[0]
			other.Scenario = name
			f.Trials = append(f.Trials, other)
		}
	})
	if names, _ := siteOf(t, checkOf(t, odd, series.Options{})); len(names) != 8 || slices.ContainsFunc(names, func(s string) bool { return len(s) > 120 || strings.ContainsAny(s, "/") }) {
		t.Errorf("pages: %q", names)
	}
}

// The page of a series that is judged by its ratio to loopback says so: the chart shows the
// rate, whose steps may be those of the host.
func TestHistorySiteByRatio(t *testing.T) {
	const says = "is judged by its ratio to loopback"
	with := func(yardstick bool) (told int) {
		runs := over(4, 20, 0.008, stepFrom(10, 0.8), func(_ int, f *record.File) {
			for i := range f.Trials {
				if one := &f.Trials[i]; yardstick {
					one.Metrics[record.LoopbackRatio] = 0.8
					one.Yardstick = &record.Yardstick{Kind: record.YardstickUDP, PPS: one.Metrics[record.PPS] / 0.8}
				}
			}
		})
		c := checkOf(t, runs, series.Options{})
		if changes := len(c.Findings) > 0; changes == yardstick {
			t.Errorf("yardstick %v: %d findings", yardstick, len(c.Findings))
		}
		_, pages := siteOf(t, c)
		for name, page := range pages {
			if strings.Contains(page, says) && name != history.IndexName {
				told++
			}
		}
		return told
	}
	if n := with(true); n != 1 {
		t.Errorf("%d pages say that a ratio is judged", n)
	}
	if n := with(false); n != 0 {
		t.Errorf("%d pages say so of a rate", n)
	}
}
