package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// dashboard is what is checked of a dashboard of Grafana.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct{ RefID, Expr string }
	}
}

var (
	metricOf   = regexp.MustCompile(`tunbench_[a-z_]+`)
	selectorOf = regexp.MustCompile(`(tunbench_[a-z_]+)\{([^}]*)\}`)
	labelOf    = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
)

// faultsOf are the mistakes of a dashboard: metrics and labels that no export has, and
// panels without a query, in each other's place or with one ID.
func faultsOf(text []byte, labels map[string]map[string]bool) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		return []string{err.Error()}
	}
	for _, name := range metricOf.FindAllString(string(text), -1) {
		if labels[name] == nil {
			fault("%s is no metric", name)
		}
	}
	for _, s := range selectorOf.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\"`, `"`), -1) {
		for _, l := range labelOf.FindAllStringSubmatch(s[2], -1) {
			if !labels[s[1]][l[1]] {
				fault("%s has no label %s", s[1], l[1])
			}
		}
	}
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 30 || len(d.Panels) == 0 {
		fault("no dashboard: %q, %q, schema %d, %d panels", d.UID, d.Title, d.SchemaVersion, len(d.Panels))
	}
	variables := map[string]bool{}
	for _, v := range d.Templating.List {
		variables[v.Name] = true
	}
	for _, v := range regexp.MustCompile(`\$\{?([a-z]+)`).FindAllStringSubmatch(string(text), -1) {
		if !variables[v[1]] {
			fault("$%s is no variable", v[1])
		}
	}
	for i, p := range d.Panels {
		at := p.GridPos
		if p.Type == "" || p.Title == "" || p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 || at.W < 1 || at.H < 1 || at.X < 0 || at.X+at.W > 24 {
			fault("panel %d: %+v", p.ID, p)
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if target.Expr == "" || target.RefID == "" || refs[target.RefID] {
				fault("panel %q: query %+v", p.Title, target)
			}
			refs[target.RefID] = true
		}
		for _, q := range d.Panels[:i] {
			if q.ID == p.ID {
				fault("two panels have ID %d", p.ID)
			}
			b := q.GridPos
			if at.X < b.X+b.W && b.X < at.X+at.W && at.Y < b.Y+b.H && b.Y < at.Y+at.H {
				fault("panels %q and %q overlap", q.Title, p.Title)
			}
		}
	}
	return faults
}

// exportedLabels are the labels of each metric that openmetrics writes.
func exportedLabels(t *testing.T) map[string]map[string]bool {
	t.Helper()
	labels := map[string]map[string]bool{}
	add := func(samples []sample) {
		for _, s := range samples {
			if labels[s.name] == nil {
				labels[s.name] = map[string]bool{}
			}
			for l := range s.labels {
				labels[s.name][l] = true
			}
		}
	}
	full := fixture.Synthetic()
	full.Run.Sees = map[string]float64{record.PPS: 0.02}
	full.Run.Floor = record.Floor{SyscallNs: 250, CopyNs: map[string]float64{"64": 30}}
	add(openMetricsOf(t, record.Named{Name: "full", File: full}))
	timed := &record.File{Run: full.Run, Trials: fixture.TrialsOf("Tun/dir=k2u/gen=udp", 1, 2, 3, 4, 5, 6)}
	add(openMetricsOf(t, record.Named{Name: "timed", File: timed}))
	for name, f := range fixture.Variants() {
		add(openMetricsOf(t, record.Named{Name: name, File: f}))
	}
	base, next := fixture.BeforeAndAfter()
	f, err := FindFormat("openmetrics", true)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.PrintComparison(&b, compared(t, base, next, verdict.Options{})); err != nil {
		t.Fatal(err)
	}
	add(readOpenMetrics(t, b.String()))
	return labels
}

// The dashboard that ships asks for metrics and labels that are exported.
func TestGrafana(t *testing.T) {
	text, err := os.ReadFile("../../scripts/grafana/tunbench.json")
	if err != nil {
		t.Fatal(err)
	}
	labels := exportedLabels(t)
	if faults := faultsOf(text, labels); len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	if n := len(metricOf.FindAllString(string(text), -1)); n < 12 {
		t.Errorf("%d metrics are asked for", n)
	}
	for name, edit := range map[string][2]string{
		"no metric":       {"tunbench_loss_ratio", "tunbench_lost_ratio"},
		"no label":        {`verdict=~\"regression`, `kind=~\"regression`},
		"no variable":     {"${datasource}", "${source}"},
		"an ID twice":     {`"id": 2,`, `"id": 1,`},
		"too wide":        {`"w": 24`, `"w": 25`},
		"in one place":    {`"x": 12`, `"x": 5`},
		"no query":        {`"expr": "tunbench_run_info"`, `"expr": ""`},
		"no JSON":         {`"panels": [`, `"panels": {`},
		"a query twice":   {`"refId": "B"`, `"refId": "A"`},
		"an older schema": {`"schemaVersion": 39`, `"schemaVersion": 16`},
	} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, text) {
			t.Errorf("%s: there is no %q", name, edit[0])
		} else if faults := faultsOf(bad, labels); len(faults) == 0 {
			t.Errorf("%s is not found", name)
		}
	}
}
