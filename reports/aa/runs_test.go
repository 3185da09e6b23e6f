package aa

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tunbench/reports/record"
)

func TestRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "aa")
	run := &record.Run{Host: record.Host{Arch: "amd64", CPU: "c", CPUs: 2, Kernel: "6.18.0"}, Tool: record.Tool{Version: "v1"}}
	if _, err := LoadRuns(dir, run.Host); !errors.Is(err, ErrNone) {
		t.Errorf("none: %v", err)
	}
	for _, shared := range []float64{.02, .01} { // the newer replaces the older
		if _, err := StoreRuns(dir, run, time.Unix(0, 0), Runs{Runs: 5, Scenarios: 45, Shared: shared, Own: .005}); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := LoadRuns(dir, run.Host); err != nil || r.Shared != .01 || r.Runs != 5 || r.Kernel != "6.18.0" || r.Measured != "1970-01-01T00:00:00Z" {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := Load(dir, run.Host, func(string, float64) string { return "" }); !errors.Is(err, ErrNone) {
		t.Errorf("it is no A/A run of tunbench ab: %v", err)
	}
	for _, wrong := range []Runs{{Runs: 1, Scenarios: 1}, {Runs: 3, Scenarios: 20, Own: -1}, {Runs: 3, Scenarios: 20, Shared: math.NaN()}} {
		if _, err := StoreRuns(dir, run, time.Unix(0, 0), wrong); err == nil {
			t.Errorf("stored: %+v", wrong)
		}
	}
	if err := os.WriteFile(runsPath(dir, Fingerprint(run.Host)), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRuns(dir, run.Host); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("torn: %v", err)
	}
}
