package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/quick"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

// readGHA gives the entries of both files by their names, as the action reads
// them.
func readGHA(t *testing.T, f *record.File) (bigger, smaller map[string]ghaEntry) {
	t.Helper()
	files := exported(t, "gha", record.Named{Name: "run", File: f})
	read := func(name string) map[string]ghaEntry {
		var list []ghaEntry
		dec := json.NewDecoder(strings.NewReader(files[name]))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&list); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if list == nil {
			t.Errorf("%s is no list", name)
		}
		by := map[string]ghaEntry{}
		for _, e := range list {
			if _, twice := by[e.Name]; twice {
				t.Errorf("%s: two entries %q", name, e.Name)
			}
			by[e.Name] = e
		}
		return by
	}
	return read(ghaBiggerName), read(ghaSmallerName)
}

func TestGHA(t *testing.T) {
	f := &record.File{Run: &record.Run{}, Trials: fixture.TrialsOf("Tun", 6, 1, 5, 2, 4, 3)}
	f.Trials[0].Metrics[record.Steal] = 0.5
	f.Trials[0].Flags = []string{record.FlagUnsteady}
	f.Skips = []record.Skip{{Scenario: "Tap", Reason: record.Missing, Detail: "iperf3"}}
	bigger, smaller := readGHA(t, f)
	if len(bigger) != 3 || len(smaller) != 1 {
		t.Errorf("%v\n%v", bigger, smaller)
	}
	for want, got := range map[ghaEntry]ghaEntry{
		{"Tun pps", "packets/s", 3.5, "95 % interval 1.00–6.00", "6 trials, 6 valid"}:                    bigger["Tun pps"],
		{"Tun e2e_p99", "ns", 3500, "95 % interval 1,000–6,000", "6 trials, 6 valid"}:                    smaller["Tun e2e_p99"],
		{"Tun valid trials", "trials", 6, "", "6 trials, 6 valid\nflag unsteady in 1\nsteal: 0.5 ratio"}: bigger["Tun valid trials"],
		{"Tap valid trials", "trials", 0, "", "0 trials, 0 valid\nskipped: missing: iperf3"}:             bigger["Tap valid trials"],
	} {
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

func TestGHANeedsAFolder(t *testing.T) {
	f, err := FindFormat("gha", false)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = f.Print(&b, []record.Named{{Name: "run", File: fixture.Synthetic()}})
	if err == nil || !strings.Contains(err.Error(), "--out") || b.Len() > 0 {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
}

func TestGHANames(t *testing.T) {
	survive := func(scenario, metric, skipped, reason fixture.OddText) bool {
		f := fixture.OddRun(scenario, metric, skipped, reason)
		if scenario == skipped {
			return true
		}
		bigger, smaller := readGHA(t, f)
		_, ok := bigger[string(skipped)+" valid trials"]
		own := bigger[string(scenario)+" valid trials"].Extra
		return ok && bigger[string(scenario)+" pps"].Value == 1e6 && smaller[string(scenario)+" loss"].Value == 0.25 &&
			strings.Contains(own, string(metric)+": 3") && strings.Contains(own, string(reason)) &&
			strings.Contains(bigger[string(skipped)+" valid trials"].Extra, string(metric))
	}
	if err := quick.Check(survive, nil); err != nil {
		t.Error(err)
	}
}
