package export

import (
	"encoding/csv"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/fixture"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// readTable reads a table as a csv reader does: rows by column name.
func readTable(t *testing.T, text string) (columns []string, rows []map[string]string) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns = all[0]
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, c := range cells {
			row[columns[i]] = c
		}
		rows = append(rows, row)
	}
	if slices.Sort(all[0]); len(slices.Compact(all[0])) != r.FieldsPerRecord {
		t.Errorf("columns of one name among %q", all[0])
	}
	return columns, rows
}

// unfold undoes what a csv reader does to line ends in a cell.
func unfold(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// checkTrials compares each cell of a table of trials with the records.
func checkTrials(t *testing.T, text string, runs ...record.Named) {
	t.Helper()
	columns, rows := readTable(t, text)
	type key struct {
		run   string
		trial string
	}
	byKey := map[key]map[string]string{}
	for _, row := range rows {
		byKey[key{row["run"], row["trial"]}] = row
	}
	trials := 0
	for _, r := range runs {
		for i := range r.Trials {
			tr := &r.Trials[i]
			trials++
			row, ok := byKey[key{unfold(r.Name), strconv.Itoa(tr.Trial)}]
			if !ok {
				t.Errorf("no row for trial %d of %s", tr.Trial, r.Name)
				continue
			}
			want := map[string]string{
				"run": unfold(r.Name), "run_id": unfold(r.Run.ID), "run_finished": fmt.Sprint(r.End != nil), "scenario": unfold(tr.Scenario), "arm": string(tr.Arm),
				"variant": unfold(tr.Variant), "pair": fmt.Sprint(tr.Pair), "trial": fmt.Sprint(tr.Trial), "started": unfold(tr.Started),
				"duration_ns": fmt.Sprint(tr.DurationNs), "valid": fmt.Sprint(!tr.Invalid()),
				"offered": fmt.Sprint(tr.Accounting.Offered), "pushed_back": fmt.Sprint(tr.Accounting.PushedBack), "accepted": fmt.Sprint(tr.Accounting.Accepted),
				"dropped": fmt.Sprint(tr.Accounting.DroppedTotal()), "delivered": fmt.Sprint(tr.Accounting.Delivered), "duplicates": fmt.Sprint(tr.Accounting.Duplicates),
				"reordered": fmt.Sprint(tr.Accounting.Reordered), "unexplained": fmt.Sprint(tr.Accounting.Unexplained),
			}
			for name, p := range map[string]*uint64{"xmit": tr.Accounting.Xmit, "read": tr.Accounting.Read, "xmit_skbs": tr.Accounting.XmitSKBs, "read_skbs": tr.Accounting.ReadSKBs} {
				if want[name] = ""; p != nil {
					want[name] = fmt.Sprint(*p)
				}
			}
			for name, cell := range want {
				if row[name] != cell {
					t.Errorf("trial %d, column %s: %q, want %q", tr.Trial, name, row[name], cell)
				}
			}
			have := func(kind, name string) string {
				for name = unfold(name); slices.Contains(columns, kind+"_"+name); {
					name = kind + "_" + name // the plain one is another column
				}
				return row[name]
			}
			for name, value := range tr.Axes {
				if got := have("axis", name); got != unfold(value) {
					t.Errorf("trial %d, axis %q: %q, want %q", tr.Trial, name, got, value)
				}
			}
			for name, value := range tr.Metrics {
				if got, err := strconv.ParseFloat(have("metric", name), 64); err != nil || got != value {
					t.Errorf("trial %d, metric %q: %v, want %v: %v", tr.Trial, name, got, value, err)
				}
			}
			for _, name := range metric.Names() {
				if _, ok := tr.Metrics[name]; !ok && have("metric", name) != "" {
					t.Errorf("trial %d has a %s of %s from nowhere", tr.Trial, name, have("metric", name))
				}
			}
			for name, l := range tr.Latency {
				for field, p := range map[string]*uint64{"count": &l.Count, "missed": &l.Missed, "overflow": &l.Overflow, "min_ns": &l.MinNs,
					"p50_ns": l.P50Ns, "p90_ns": l.P90Ns, "p99_ns": l.P99Ns, "p999_ns": l.P999Ns, "max_ns": &l.MaxNs} {
					cell := ""
					if p != nil {
						cell = fmt.Sprint(*p)
					}
					if got := have("latency", name+"_"+field); got != cell {
						t.Errorf("trial %d, %s of %q: %q, want %q", tr.Trial, field, name, got, cell)
					}
				}
			}
			flags := []string{}
			for f := range strings.FieldsSeq(row["flags"]) {
				name, err := url.QueryUnescape(f)
				if err != nil {
					t.Error(err)
				}
				flags = append(flags, name)
			}
			if !slices.Equal(flags, tr.Flags) {
				t.Errorf("trial %d: flags %q, want %q", tr.Trial, flags, tr.Flags)
			}
			dropped := map[string]uint64{}
			for pair := range strings.FieldsSeq(row["drop_reasons"]) {
				name, n, _ := strings.Cut(pair, "=")
				reason, err := url.QueryUnescape(name)
				if err != nil {
					t.Error(err)
				}
				if dropped[reason], err = strconv.ParseUint(n, 10, 64); err != nil {
					t.Error(err)
				}
			}
			if !maps.Equal(dropped, tr.Accounting.Dropped) {
				t.Errorf("trial %d: drop reasons %v, want %v", tr.Trial, dropped, tr.Accounting.Dropped)
			}
		}
	}
	if len(rows) != trials {
		t.Errorf("%d rows for %d trials", len(rows), trials)
	}
}

func TestCSVTrials(t *testing.T) {
	for name, f := range fixture.Variants() {
		r := record.Named{Name: name, File: f}
		checkTrials(t, rendered(t, "csv", r)[TrialsName], r)
	}
	ab, observed := record.Named{Name: "ab", File: fixture.Pairs(0.95, 10)}, record.Named{Name: "second", File: fixture.Variants()["full"]}
	checkTrials(t, rendered(t, "csv", ab, observed)[TrialsName], ab, observed)
}

func TestCSVSkips(t *testing.T) {
	f := fixture.Variants()["only-skips"]
	_, rows := readTable(t, rendered(t, "csv", record.Named{Name: "x", File: f})[SkipsName])
	if len(rows) != len(f.Skips) {
		t.Fatalf("%d rows for %d skips", len(rows), len(f.Skips))
	}
	for i, s := range f.Skips {
		want := map[string]string{"run": "x", "run_id": f.Run.ID, "scenario": s.Scenario, "reason": s.Reason, "detail": s.Detail, "arm": string(s.Arm)}
		if d := cmp.Diff(want, rows[i]); d != "" {
			t.Errorf("skip %d (-want +got):\n%s", i, d)
		}
	}
}

func TestCSVVerdicts(t *testing.T) {
	base, next := fixture.BeforeAndAfter()
	for _, c := range []*verdict.Comparison{compared(t, base, next, verdict.Options{}), abComparison(t)} {
		files, err := csvComparison(c, true)
		if err != nil {
			t.Fatal(err)
		}
		_, rows := readTable(t, string(files[0].Content))
		if want := len(c.Verdicts) + len(c.Shown) + len(c.Only); len(rows) != want {
			t.Fatalf("%d rows, want %d", len(rows), want)
		}
		parse := func(cell string) *float64 {
			if cell == "" {
				return nil
			}
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				t.Error(err)
			}
			return &v
		}
		for i, v := range slices.Concat(c.Verdicts, c.Shown) {
			row := rows[i]
			got := record.Verdict{
				Scenario: row["scenario"], Metric: row["metric"], Unit: row["unit"], Verdict: row["verdict"],
				Base: parse(row["base"]), New: parse(row["new"]), Change: parse(row["change"]), P: parse(row["p"]), Threshold: *parse(row["threshold"]), N: int(*parse(row["n"])),
				Notes: v.Notes, Missing: row["missing"], OwnThreshold: parse(row["own_threshold"]), Detectable: parse(row["detectable"]), Differs: v.Differs,
			}
			if row["ci_low"] != "" {
				got.CI = &[2]float64{*parse(row["ci_low"]), *parse(row["ci_high"])}
			}
			if d := cmp.Diff(v, got); d != "" {
				t.Errorf("row %d (-want +got):\n%s", i, d)
			}
			if row["notes"] != strings.Join(v.Notes, "; ") || row["differs"] != strings.Join(v.Differs, "; ") || row["tested"] != fmt.Sprint(i < len(c.Verdicts)) || row["base_name"] != c.Base.Name || row["new_kernel"] != c.New.Run.Host.Kernel {
				t.Errorf("row %d: %q", i, row)
			}
		}
	}
}
