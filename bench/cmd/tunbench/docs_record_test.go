package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/advice"
	"tunbench/reports/live"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// formatsPage is the page whose section on run.jsonl is held against the code.
const formatsPage = "reports/FORMATS.md"

// recordTypes are the records of run.jsonl by their kind.
var recordTypes = map[string]reflect.Type{
	string(record.KindRun): reflect.TypeFor[record.Run](), string(record.KindTrial): reflect.TypeFor[record.Trial](),
	string(record.KindSearch): reflect.TypeFor[record.Search](), string(record.KindProfile): reflect.TypeFor[record.Profile](),
	string(record.KindVerdict): reflect.TypeFor[record.Verdict](), string(record.KindSkip): reflect.TypeFor[record.Skip](),
	string(record.KindResume): reflect.TypeFor[record.Resume](), string(record.KindEnd): reflect.TypeFor[record.End](),
}

// sectionOf gives the text below a heading, up to the next one that is as high.
func sectionOf(text, heading string) string {
	level, _, _ := strings.Cut(heading, " ")
	_, text, _ = strings.Cut(text, "\n"+heading+"\n")
	if end := regexp.MustCompile(`(?m)^#{1,` + strconv.Itoa(len(level)) + `} `).FindStringIndex(withoutFencedText(text)); end != nil {
		text = text[:end[0]]
	}
	return text
}

// withoutFencedText blanks code blocks, and keeps the length of the text.
func withoutFencedText(text string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllStringFunc(text, func(fence string) string { return strings.Repeat(" ", len(fence)) })
}

// table is a table of a page: the cells of its heads and of its rows.
type table struct {
	heads []string
	rows  [][]string
}

// tablesOf gives the tables of a text.
func tablesOf(text string) (list []table) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inside = false
			continue
		}
		var cells []string
		for _, cell := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		switch {
		case !inside:
			inside, list = true, append(list, table{heads: cells})
		case strings.HasPrefix(line, "|---"):
		default:
			list[len(list)-1].rows = append(list[len(list)-1].rows, cells)
		}
	}
	return list
}

// namesIn gives what stands between backticks in a cell.
func namesIn(cell string) (names []string) {
	for _, m := range codeSpan.FindAllStringSubmatch(cell, -1) {
		names = append(names, m[1])
	}
	return names
}

// object is a struct of a record, or the record itself.
type object struct {
	of    reflect.Type
	paths []string // at which it stands in the record; its kind for the record itself
}

// objectsOf are the record of a kind and the structs inside. Each is expanded once, at the
// first of its paths; a record inside another one is an object of its own.
func objectsOf(kind string) (list []object) {
	root := recordTypes[kind]
	list = []object{{root, []string{kind}}}
	for i := 0; i < len(list); i++ {
		for _, f := range jsonFields(list[i].of) {
			of, path := f.Type, jsonNameOf(f)
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
				if of.Kind() != reflect.Pointer {
					path += "[]"
				}
				of = of.Elem()
			}
			if of.Kind() != reflect.Struct || slices.Contains(slices.Collect(maps.Values(recordTypes)), of) {
				continue
			}
			if list[i].of != root {
				path = list[i].paths[0] + "." + path
			}
			at := slices.IndexFunc(list, func(o object) bool { return o.of == of })
			if at < 0 {
				at, list = len(list), append(list, object{of: of})
			}
			list[at].paths = append(list[at].paths, path)
		}
	}
	return list
}

func jsonFields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous || jsonNameOf(f) == "-" })
}

func jsonNameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return cmp.Or(name, f.Name)
}

// typeOf is the type of a field, as the page calls it.
func typeOf(f reflect.StructField) string {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	switch name := jsonType(f.Type); {
	case options != "":
		return name + "?"
	case f.Type.Kind() == reflect.Pointer:
		return name + " or null"
	default:
		return name
	}
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonType(t.Elem())
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Array {
			return "list of pairs"
		}
		return "list of " + jsonType(t.Elem()) + "s"
	case reflect.Map:
		return "map of " + jsonType(t.Elem()) + "s"
	case reflect.Array:
		return "pair of " + jsonType(t.Elem()) + "s"
	}
	return t.String()
}

// unitByName is the unit of a field that says it in its name; "" of any other.
func unitByName(field string) string {
	for _, u := range []struct{ suffix, unit string }{
		{"ns", "ns"}, {"bytes", "bytes"}, {"pkts", "packets"}, {"skbs", "skbs"}, {"pps", "packets/s"}, {"bit_per_s", "bit/s"},
	} {
		if field == u.suffix || strings.HasSuffix(field, "_"+u.suffix) {
			return u.unit
		}
	}
	return ""
}

// fieldFaults holds the tables of fields against the structs of the records.
func fieldFaults(tables []table) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	type documented struct{ typ, unit, meaning string }
	found := map[string]map[string]documented{} // by kind and paths, then by field
	kind, key := "", ""
	for _, t := range tables {
		if !slices.Equal(t.heads, []string{"in", "field", "type", "unit", "meaning"}) {
			continue
		}
		for _, row := range t.rows {
			if len(row) != len(t.heads) {
				fault("row %q has %d cells", row, len(row))
				continue
			}
			if paths := namesIn(row[0]); len(paths) > 0 {
				if recordTypes[paths[0]] != nil {
					kind = paths[0]
				}
				slices.Sort(paths)
				key = kind + ": " + strings.Join(paths, ", ")
			}
			if found[key] == nil {
				found[key] = map[string]documented{}
			}
			fields, units := namesIn(row[1]), strings.Split(row[3], ", ")
			for i, field := range fields {
				if _, twice := found[key][field]; twice {
					fault("%s.%s is there twice", key, field)
				}
				unit := row[3]
				if len(units) == len(fields) {
					unit = units[i]
				}
				found[key][field] = documented{row[2], unit, row[4]}
			}
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(recordTypes)) {
		for _, o := range objectsOf(kind) {
			key := kind + ": " + strings.Join(slices.Sorted(slices.Values(o.paths)), ", ")
			for _, f := range jsonFields(o.of) {
				name := jsonNameOf(f)
				d, ok := found[key][name]
				if !ok {
					fault("%s.%s is missing", key, name)
					continue
				}
				if want := typeOf(f); d.typ != want {
					fault("%s.%s is of type %q, want %q", key, name, d.typ, want)
				}
				if want := unitByName(name); want != "" && d.unit != want {
					fault("%s.%s is in %q, want %q", key, name, d.unit, want)
				}
				delete(found[key], name)
			}
			if len(found[key]) == 0 {
				delete(found, key)
			}
		}
	}
	for key, fields := range found {
		for name := range fields {
			fault("%s.%s is no field", key, name)
		}
	}
	return faults
}

// constantsOf gives the string constants of a file of reports/record whose names begin with
// prefix.
func constantsOf(t *testing.T, file, prefix string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("../../../reports/record", file), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if !strings.HasPrefix(name.Name, prefix) || i >= len(spec.Values) {
				continue
			}
			if lit, ok := spec.Values[i].(*ast.BasicLit); ok {
				if value, err := strconv.Unquote(lit.Value); err == nil {
					values = append(values, value)
				}
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s...", file, prefix)
	}
	return values
}

// vocabulary is what the code calls kinds of records and flags.
type vocabulary struct{ kinds, flags []string }

// recordFaults are the differences between a page and the code that writes run.jsonl.
func recordFaults(page string, words vocabulary) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	text := sectionOf(page, "## run.jsonl")
	tables := tablesOf(text)
	faults = fieldFaults(tables)

	// rows gives the rows of the table with those heads, by the name in their first cell.
	rows := func(heads ...string) (names []string, byName map[string][]string) {
		byName = map[string][]string{}
		for _, t := range tables {
			if !slices.Equal(t.heads, heads) {
				continue
			}
			for _, row := range t.rows {
				for _, name := range namesIn(row[0]) {
					names, byName[name] = append(names, name), row
				}
			}
		}
		return names, byName
	}
	same := func(what string, names, want []string) {
		if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(want))) {
			fault("%s are %q, want %q", what, names, want)
		}
	}

	names, _ := rows("kind", "record")
	same("kinds", names, words.kinds)
	same("kinds of this test", slices.Collect(maps.Keys(recordTypes)), words.kinds)
	for _, kind := range []record.Kind{live.Kind, advice.KindLack, advice.KindDropped, advice.KindComparison, advice.KindAdvice} {
		if !strings.Contains(text, "`"+string(kind)+"`") {
			fault("the kind %s is not named", kind)
		}
	}

	names, metrics := rows("name", "unit", "better", "meaning")
	if want := metric.Names(); !slices.Equal(names, want) {
		fault("metrics are %q, want %q", names, want)
	}
	for _, k := range metric.Kinds() {
		if row, better := metrics[k.Metric], []string{"lower", "", "higher"}[k.Better+1]; row != nil && (row[1] != k.Unit || row[2] != better) {
			fault("metric %s: %q, %q, want %q, %q", k.Metric, row[1], row[2], k.Unit, better)
		}
	}
	names, _ = rows("name", "from", "to")
	same("latencies", names, metric.LatencyNames)

	names, flags := rows("flag", "invalid", "meaning")
	same("flags", names, words.flags)
	for _, name := range names {
		if marked := flags[name][1] == "**invalid**"; marked != record.Invalidates(name) {
			fault("flag %s: invalid is %v, want %v", name, marked, !marked)
		}
	}

	// What a meaning lists.
	values := func(field string, want ...string) {
		for _, t := range tables {
			for _, row := range t.rows {
				if len(row) == 5 && row[1] == "`"+field+"`" && slices.Contains(namesIn(row[4]), want[0]) {
					same("values of "+field, namesIn(row[4]), want)
					return
				}
			}
		}
		fault("no row lists the values of %s", field)
	}
	values("reason", record.Unsupported, record.Unprivileged, record.Missing, record.Failed)
	values("arm", string(record.Bare), string(record.Observed))
	var verdicts []string
	for _, k := range verdict.Kinds {
		verdicts = append(verdicts, k.Verdict)
	}
	values("verdict", verdicts...)
	if want := fmt.Sprintf("| | `schema` | integer | | version of the format: %d |", record.Schema); !strings.Contains(text, want) {
		fault("no row %s", want)
	}

	// What is counted when: each name is that of a field, a metric or a latency.
	known := slices.Concat(metric.Names(), metric.LatencyNames)
	for _, of := range []reflect.Type{reflect.TypeFor[record.Trial](), reflect.TypeFor[record.Queue]()} {
		for _, f := range jsonFields(of) {
			known = append(known, jsonNameOf(f))
		}
	}
	counted := 0
	for _, t := range tables {
		if !slices.Equal(t.heads, []string{"of", "fields"}) {
			continue
		}
		for _, row := range t.rows {
			for _, name := range namesIn(row[1]) {
				if counted++; !slices.Contains(known, name) {
					fault("%s: %s is nothing that a trial has", row[0], name)
				}
			}
		}
	}
	if counted < 20 {
		fault("%d names say what is counted when", counted)
	}
	return faults
}

// TestRecordsOfDocuments holds the section on run.jsonl against the code, both ways: each
// field, kind, metric, latency, flag and verdict is named, and what is named is there.
func TestRecordsOfDocuments(t *testing.T) {
	c := newChecker(t)
	words := vocabulary{constantsOf(t, "record.go", "Kind"), constantsOf(t, "trial.go", "Flag")}
	page := c.page(t, formatsPage)
	for _, fault := range recordFaults(page, words) {
		t.Error(fault)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"a field less":         {"| | `ramp_ns` |", "| | `duration_ms` |", "trial: trial.ramp_ns is missing"},
		"a field more":         {"| | `ramp_ns` |", "| | `ramp_ns`, `slope_ns` |", "trial: trial.slope_ns is no field"},
		"a field twice":        {"| | `ramp_ns` |", "| | `ramp_ns`, `duration_ns` |", "duration_ns is there twice"},
		"a nested field less":  {"`xmit_pkts`, `xmit_bytes`", "`xmit_pkts`", "queues[].xmit_bytes is missing"},
		"a field of a header":  {"| | `smt` |", "| | `ht` |", "run: host.smt is missing"},
		"a path less":          {"| `device`, `devices[]` |", "| `device` |", "device, devices[].name is missing"},
		"another type":         {"| `ramp_ns` | integer? |", "| `ramp_ns` | integer |", `want "integer?"`},
		"no null":              {"| `p` | number or null |", "| `p` | number |", `want "number or null"`},
		"another unit":         {"| `max_pps` | number | packets/s |", "| `max_pps` | number | bit/s |", `want "packets/s"`},
		"a kind less":          {"| `resume` | the place", "| `again` | the place", "kinds are"},
		"another file's kind":  {"`lack`,", "`want`,", "the kind lack is not named"},
		"a metric less":        {"| `tps` | transactions/s |", "| `tpm` | transactions/s |", "metrics are"},
		"a metric's unit":      {"| `steal` | ratio |", "| `steal` | ns |", "metric steal"},
		"a metric's direction": {"| `loss` | ratio | lower |", "| `loss` | ratio | higher |", "metric loss"},
		"a latency less":       {"| `service` |", "| `server` |", "latencies are"},
		"a flag less":          {"| `short` |", "| `tall` |", "flags are"},
		"a flag is not marked": {"| `emulated` | **invalid** |", "| `emulated` | |", "flag emulated"},
		"a flag is marked":     {"| `unsteady` | |", "| `unsteady` | **invalid** |", "flag unsteady"},
		"a verdict less":       {"`inconclusive`, `invalid`, ", "`inconclusive`, ", "values of verdict"},
		"a reason less":        {"`unprivileged` (a", "`forbidden` (a", "values of reason"},
		"another schema":       {"version of the format: 1", "version of the format: 2", "no row | | `schema`"},
		"counted when":         {"| the whole trial | `accounting`", "| the whole trial | `ledger`", "ledger is nothing"},
		"no section":           {"\n## run.jsonl\n", "\n## run.json\n", "is missing"},
	} {
		bad := strings.Replace(page, test.old, test.new, 1)
		if bad == page {
			t.Errorf("%s: there is no %q", name, test.old)
		} else if faults := strings.Join(recordFaults(bad, words), "\n"); !strings.Contains(faults, test.want) {
			t.Errorf("%s: %q has no %q", name, faults, test.want)
		}
	}
	if faults := recordFaults(page, vocabulary{append(words.kinds, "tomorrow"), append(words.flags, "sunspots")}); len(faults) != 3 {
		t.Errorf("a new kind and a new flag: %q", faults)
	}
}
