package commit

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document/compare"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Comparison is c for a commit's message. Of a scenario, it has the first of its metrics
// and each that changed; metrics that were not decided or judged are counted.
func Comparison(c *verdict.Comparison) string {
	s := compare.New(c)
	m := message{warnings: s.Alerts(), common: s.Common, within: text.IntervalName}
	names := prose.Values{"Base": c.Base.Name, "New": c.New.Name, "Paired": c.Paired}
	if !c.Paired {
		names["Base"], names["New"] = apart(c.Base.Name, c.New.Name)
		m.head = append(m.head, book.Text("stored", nil))
	}
	m.titles = []string{book.Text("compared", names), book.Text("short title", names)}
	if c.Paired {
		names = maps.Clone(names)
		names["Base"], names["New"] = differing(c.Base.Name, c.New.Name)
		m.titles = append(m.titles, book.Text("compared", names))
	}
	m.titles = append(m.titles, book.Text("shortest title", names))
	for i, side := range []verdict.Side{c.Base, c.New} {
		name := []string{"base", "new"}[i]
		if sameHost(c) {
			if i == 1 {
				break
			}
			name = "host"
		}
		if side.Run != nil {
			m.head = append(m.head, book.Text("host", prose.Values{"Side": name, "Of": hostOf(side.Run)}))
		}
	}
	var all []row
	told := map[string]bool{}
	n := 0
	for _, v := range slices.SortedStableFunc(slices.Values(c.Verdicts), func(a, b record.Verdict) int {
		return cmp.Or(axis.Compare(a.Scenario, b.Scenario), cmp.Compare(metric.GateRank(a.Metric), metric.GateRank(b.Metric)))
	}) {
		r := row{scenario: s.Name(v.Scenario), figure: v.Metric, verdict: v.Verdict, base: metric.FigureText(v, v.Base), new: metric.FigureText(v, v.New)}
		r.change, r.within = metric.ChangeText(v), metric.IntervalText(v)
		if v.Missing != "" {
			r.figure, r.base, r.new, r.change, r.within = "", "", "", book.Text("missing", prose.Values{"Side": v.Missing}), ""
		}
		all = append(all, r)
		n = max(n, v.N)
		changed := slices.Contains(groups[0].verdicts, v.Verdict) || slices.Contains(groups[1].verdicts, v.Verdict)
		if changed || !told[v.Scenario] {
			m.rows = append(m.rows, r)
		}
		told[v.Scenario] = true
	}
	by := "trials"
	if c.Paired {
		by = "pairs"
	}
	m.tail = append(m.tail, outcome(all, metric.Thresholds(c.Verdicts, metric.ThresholdText), book.Text("by "+by, prose.Values{"N": n})))
	if rest := undecided(c.Verdicts, m.rows, s); rest > 0 {
		m.tail = append(m.tail, book.Text("further", prose.Values{"N": rest}))
	}
	return m.String()
}

// apart shortens the paths of two runs to what tells them apart: where a run is stored on
// one machine says nothing to readers of a commit.
func apart(base, next string) (string, string) {
	split := func(path string) []string {
		path = filepath.ToSlash(filepath.Clean(path))
		return strings.Split(cmp.Or(strings.TrimSuffix(path, "/"+record.FileName), path), "/")
	}
	a, b := split(base), split(next)
	for len(a) > 1 && len(b) > 1 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	return strings.Join(a, "/"), strings.Join(b, "/")
}

// differing shortens the variants of tunbench ab, such as "a: Tun/dir=k2u/vnet=10", to their
// letters and the values that only one of them has.
func differing(base, next string) (string, string) {
	split := func(variant string) (letter string, values []string) {
		letter, scenario, _ := strings.Cut(variant, ": ")
		return letter, strings.Split(scenario, "/")
	}
	a, of := split(base)
	b, with := split(next)
	only := func(letter string, values, others []string) string {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(others, v) })
		return strings.TrimSuffix(letter+": "+strings.Join(values, " "), ": ")
	}
	return only(a, of, with), only(b, with, of)
}

// undecided is how many figures without a verdict have no row.
func undecided(all []record.Verdict, rows []row, s *compare.Text) (n int) {
	open := slices.Concat(groups[3].verdicts, groups[4].verdicts)
	for _, v := range all {
		shown := slices.ContainsFunc(rows, func(r row) bool {
			return r.scenario == s.Name(v.Scenario) && (r.figure == v.Metric || r.figure == "")
		})
		if slices.Contains(open, v.Verdict) && !shown {
			n++
		}
	}
	return n
}

// sameHost reports whether what is said of the two hosts is the same.
func sameHost(c *verdict.Comparison) bool {
	a, b := c.Base.Run, c.New.Run
	return a == b || a != nil && b != nil && hostOf(a) == hostOf(b)
}

// hostOf is where and by what a run was measured.
func hostOf(r *record.Run) string {
	h := r.Host
	list := []string{"Linux " + cmp.Or(h.Kernel, "unknown")}
	if h.Arch != "" {
		list = append(list, h.Arch)
	}
	if h.CPU != "" {
		list = append(list, h.CPU)
	}
	list = append(list, text.Plural(h.CPUs, "CPU", "CPUs"))
	if h.Virt != "" && h.Virt != "none" {
		list = append(list, "virtual ("+h.Virt+")")
	}
	if r.Tool.Version != "" || r.Tool.Commit != "" {
		list = append(list, strings.TrimSpace(fmt.Sprint("tunbench ", strings.Join(text.NonEmpty(r.Tool.Version, r.Tool.Commit), " "))))
	}
	if len(r.Started) >= len("2006-01-02") {
		list = append(list, r.Started[:len("2006-01-02")])
	}
	return strings.Join(list, ", ")
}
