package export

import (
	"fmt"

	asked "tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/document/curve"
	"tunbench/reports/document/run"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// OfPlots returns f for reports that hold the plots of --plot and nothing else; f itself
// where there are none.
func OfPlots(f Format, plots []string) (Format, error) {
	if len(plots) == 0 {
		return f, nil
	}
	var asks []asked.Ask
	for _, s := range plots {
		a, err := asked.ParseAsk(s)
		if err != nil {
			return Format{}, fmt.Errorf("--plot %w", err)
		}
		asks = append(asks, a)
	}
	var show func(d document.Document, alone bool) ([]render.Output, error)
	switch f.Name {
	case "markdown":
		show = render.MarkdownFiles
	case "html":
		show = func(d document.Document, _ bool) ([]render.Output, error) { return render.HTMLFiles(d) }
	case PNGFormat:
		show = func(d document.Document, _ bool) ([]render.Output, error) { return render.PNGFiles(d) }
	default:
		return Format{}, fmt.Errorf("--format %s has no charts: choose markdown, html or png for --plot", f.Name)
	}
	f.comparison, f.history = nil, nil
	f.runs = func(runs []record.Named, alone bool) ([]render.Output, error) {
		d, err := curve.Plots(runs[0].File, asks)
		if err != nil {
			return nil, fmt.Errorf("--plot %w", err)
		}
		d.Alerts = run.Alerts(runs[0].File)
		return show(d, alone)
	}
	return f, nil
}
