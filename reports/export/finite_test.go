package export

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/history"
	"tunbench/reports/document/kernels"
	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/verdict"
)

// embedded is what belongs to every page.
var embedded = regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>|'sha256-[^']*'`)

// checkFinite renders d in each way that people read, and fails on a number that is none.
func checkFinite(t *testing.T, name string, d document.Document) {
	t.Helper()
	files, err := render.MarkdownFiles(d, false)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	page, err := render.HTMLFiles(d)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, f := range append(files, page...) {
		text := embedded.ReplaceAllString(string(f.Content), "")
		if at := notFinite.FindStringIndex(text); at != nil {
			t.Errorf("%s: %s has …%s…", name, f.Name, text[max(0, at[0]-150):min(len(text), at[1]+80)])
		}
	}
}

// identity are the numbers of a trial that say which it is.
var identity = []string{"Pair", "Block", "Shard", "Trial", "Round", "Queue", "Flow", "TNs"}

// zero sets all numbers in v to 0, but for those that say what they are of.
func zero(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			zero(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !slices.Contains(identity, v.Type().Field(i).Name) {
				zero(v.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			zero(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			e := reflect.New(v.Type().Elem()).Elem()
			e.Set(v.MapIndex(key))
			zero(e)
			v.SetMapIndex(key, e)
		}
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint32, reflect.Float64:
		v.SetZero()
	}
}

// poor are ways in which a file may lack what a ratio needs.
var poor = map[string]func(*record.File){
	"as it is": func(*record.File) {},
	"no rounds": func(f *record.File) {
		for i := range f.Trials {
			f.Trials[i].Windows, f.Trials[i].Yardstick = nil, nil
		}
	},
	"one block": func(f *record.File) {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Pair > 1 || t.Block > 1 })
	},
	"one block, no rounds": func(f *record.File) {
		f.Trials = slices.DeleteFunc(f.Trials, func(t record.Trial) bool { return t.Pair > 1 || t.Block > 1 })
		for i := range f.Trials {
			f.Trials[i].Windows = nil
		}
	},
	"zeros": func(f *record.File) { zeroTrials(f, func(int, record.Trial) bool { return true }) },
	"zeros in the first scenario": func(f *record.File) {
		first := ""
		if len(f.Trials) > 0 {
			first = f.Trials[0].Scenario
		}
		zeroTrials(f, func(_ int, t record.Trial) bool { return t.Scenario == first })
	},
	"zeros in all other scenarios": func(f *record.File) {
		first := ""
		if len(f.Trials) > 0 {
			first = f.Trials[0].Scenario
		}
		zeroTrials(f, func(_ int, t record.Trial) bool { return t.Scenario != first })
	},
	"zeros in every third trial": func(f *record.File) { zeroTrials(f, func(i int, _ record.Trial) bool { return i%3 == 0 }) },
	"nothing in the windows": func(f *record.File) {
		for i := range f.Trials {
			zero(reflect.ValueOf(f.Trials[i].Windows))
			if y := f.Trials[i].Yardstick; y != nil {
				zero(reflect.ValueOf(y))
			}
		}
	},
	"windows of no time": func(f *record.File) {
		for i := range f.Trials {
			t := &f.Trials[i]
			t.Windows, t.DurationNs = slices.Clone(t.Windows), 0
			for k := range t.Windows {
				t.Windows[k].TNs = 0
			}
		}
	},
	"no floor": func(f *record.File) { f.Run.Floor = record.Floor{} },
}

func zeroTrials(f *record.File, which func(i int, t record.Trial) bool) {
	for i := range f.Trials {
		if t := f.Trials[i]; which(i, t) {
			// Trials of a fixture may share parts.
			t.Metrics, t.Latency, t.Accounting.Dropped = maps.Clone(t.Metrics), maps.Clone(t.Latency), maps.Clone(t.Accounting.Dropped)
			zero(reflect.ValueOf(&t))
			f.Trials[i] = t
		}
	}
}

// programs is a run with a program of its own beside other paths.
func programs() *record.File {
	f := fixture.Ways()
	for _, t := range slices.Clone(f.Trials) {
		if strings.HasPrefix(t.Scenario, "Tun/path=relay/dir=k2u/gen=tcp/") {
			t.Scenario = strings.Replace(t.Scenario, "path=relay", "path=program", 1) + "/program=mine"
			t.Axes = maps.Clone(t.Axes)
			t.Axes["path"], t.Axes["program"] = "program", "mine"
			t.Trial = len(f.Trials) + 1
			f.Trials = append(f.Trials, t)
		}
	}
	return f
}

// A number that is none is in no report, whatever its file lacks.
func TestReportsAreFinite(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for name, make := range map[string]func() *record.File{
		"full":       fixture.Synthetic,
		"one by one": fixture.OneByOne,
		"open":       fixture.OpenRun,
		"searched":   fixture.WithSearches,
		"programs":   programs,
		"curves":     fixture.Curves,
		"loads":      func() *record.File { return fixture.Loads(6) },
	} {
		for how, change := range poor {
			f := make()
			change(f)
			checkFinite(t, name+", "+how, run.With(f, run.Options{Full: true}))
		}
	}
	for how, change := range poor {
		b, n := fixture.BeforeAndAfter()
		change(b)
		change(n)
		for name, sides := range map[string][2]*record.File{"both": {b, n}, "base": {b, next}, "new": {base, n}} {
			c, err := verdict.Compare(sides[0], sides[1], verdict.Options{BaseName: "before", NewName: "after"})
			if err != nil {
				t.Errorf("compare, %s, %s: %v", how, name, err)
				continue
			}
			checkFinite(t, "compare, "+how+", "+name, compare.New(c).Document())
		}
		k := debians()
		for _, files := range k[1].Boots {
			for _, f := range files {
				change(f)
			}
		}
		checkFinite(t, "kernels, "+how, kernels.New(verdict.NewLab(k)).Document())
		slices.Reverse(k)
		checkFinite(t, "kernels reversed, "+how, kernels.New(verdict.NewLab(k)).Document())

		runs := over(1, 30, 0.005, stepFrom(20, 0.9), func(i int, f *record.File) {
			if i%4 == 0 || i > 25 {
				change(f)
			}
		})
		for _, p := range history.Site(history.New(checkOf(t, runs, series.Options{}))) {
			checkFinite(t, "history, "+how, p.Document)
		}
	}
}

// What the test above looks for is found, and words that contain it are not.
func TestNotFiniteIsFound(t *testing.T) {
	for text, want := range map[string]bool{
		"mine has NaN × the goodput": true, "| +Inf |": true, `x="NaN"`: true, "−Inf %": true, "+,Inf": true, "NaN": true,
		"Information": false, "isNaN(x)": false, "1.00": false, "": false,
	} {
		if notFinite.MatchString(text) != want {
			t.Errorf("%q: found %v", text, !want)
		}
	}
	trial := record.Trial{Pair: 3, Metrics: map[string]float64{record.PPS: 5}, Windows: []record.Window{{TNs: 4, Round: 2, Pkts: 7}}, TCP: &record.TCP{RTTNs: 9}}
	zero(reflect.ValueOf(&trial))
	if trial.Pair != 3 || trial.Metrics[record.PPS] != 0 || trial.Windows[0] != (record.Window{TNs: 4, Round: 2}) || trial.TCP.RTTNs != 0 {
		t.Errorf("%+v", trial)
	}
}
