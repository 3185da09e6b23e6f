package curve

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Plots makes the report of the plots that a user asks for, each with its figures in a table.
func Plots(f *record.File, asks []curve.Ask) (document.Document, error) {
	list, _ := figure.Scenarios(f)
	host := f.Run.Host
	d := document.Document{Title: book.Text("plots title", prose.Values{"Kernel": cmp.Or(host.Kernel, text.Absent)}), Source: document.SourceOf(f.Run)}
	clock := ""
	if f.Run.Started != "" {
		clock = text.Clock(f.Run.Started)
	}
	d.Lead = book.Say("plots lead", prose.Values{"Plots": len(asks), "Suite": cmp.Or(f.Run.Suite, text.Absent), "Kernel": cmp.Or(host.Kernel, text.Absent), "CPU": cmp.Or(host.CPU, text.Absent), "Clock": clock})
	files := map[string]int{}
	for _, a := range asks {
		c, err := a.Of(f, list)
		if err != nil {
			return document.Document{}, err
		}
		v := newView(c)
		pic := v.picture(fileOf("plot", c, files))
		sec := document.Section{Heading: v.title(), Blocks: []document.Block{pic}}
		if common := v.scenario(); common != "" {
			sec.Blocks = append(sec.Blocks, book.Say("plots scenario", prose.Values{"Scenario": common}))
		}
		sec.Blocks = append(sec.Blocks, tableOf(v))
		for _, note := range notes([]curve.Curve{c}) {
			sec.Blocks = append(sec.Blocks, document.Small(note))
		}
		if len(c.Left) > 0 {
			sec.Blocks = append(sec.Blocks, document.Small(book.Say("plots left", prose.Values{"Axis": v.axis(), "Values": c.Left})))
		}
		d.Sections = append(d.Sections, sec)
	}
	return d, nil
}

// tableOf has a row for each place on X, and a figure with its interval for each line.
func tableOf(v view) document.Table {
	var places []float64
	var spans []figure.Interval
	for _, l := range v.Lines {
		for _, p := range l.Points {
			places = append(places, p.X)
			if p.Ranged {
				spans = append(spans, p.Interval)
			}
		}
	}
	places = slices.Compact(slices.Sorted(slices.Values(places)))
	where := figure.IntervalColumn(spans...)
	t := document.Table{Columns: document.Numeric(withUnit(v.axis(), v.axisUnit())), Note: book.Say("plots note", prose.Values{"Column": where})}
	for _, l := range v.Lines {
		unit := v.scale.Unit
		if v.time {
			unit = ""
		}
		t.Columns = slices.Concat(t.Columns, document.Numeric(strings.Join(text.NonEmpty(cmp.Or(l.Name, v.figure()), unit), " ")), document.Interval(where))
	}
	for _, x := range places {
		at := text.Exact(x)
		if v.X == "load" {
			at = v.rate.Format(x)
		}
		cells := []any{at}
		for _, l := range v.Lines {
			i := slices.IndexFunc(l.Points, func(p curve.Point) bool { return p.X == x })
			if i < 0 {
				cells = append(cells, text.Absent, text.Absent)
				continue
			}
			p, interval := l.Points[i], text.Absent
			if p.Ranged {
				interval = p.Interval.Text(where, v.number)
			}
			value := prose.Say(prose.Bold(v.number(p.Y)))
			if n := few(p); n != "" {
				value = append(value, prose.Say(" ("+n+")")...)
			}
			cells = append(cells, value, interval)
		}
		t.Rows = append(t.Rows, document.Row(cells...))
	}
	return t
}
