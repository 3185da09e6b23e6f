package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/aa"
	"tunbench/reports/record"
)

// storeRun writes a run of 15 scenarios with yardsticks in six blocks.
func storeRun(t *testing.T, dir, id string, seed uint64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	path := filepath.Join(dir, id+".jsonl")
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	records := []record.Record{&record.Run{ID: id, Schema: 1, Clock: "monotonic", Host: record.Host{Kernel: "6.18.0", CPU: "c", CPUs: 2}}}
	n := 0
	for block := range 6 {
		for i := range 15 {
			n++
			ratio := 0.8 * (1 + 0.03*rng.NormFloat64())
			records = append(records, &record.Trial{
				Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=1/size=%d", 64+i), Arm: record.Bare, Pair: block + 1, Trial: n, DurationNs: 1e9,
				Metrics:   map[string]float64{record.PPS: 1e6 * ratio, record.LoopbackRatio: ratio},
				Yardstick: &record.Yardstick{Kind: record.YardstickUDP, PPS: 1e6},
			})
		}
	}
	for _, r := range append(records, &record.End{Trials: n}) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestKeepScatter(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	warn := func(format string, args ...any) { t.Errorf(format, args...) }
	host := record.Host{Kernel: "6.18.0", CPU: "c", CPUs: 2}
	if s := Scatter(host, warn); s.Runs != 0 {
		t.Errorf("nothing is kept: %+v", s)
	}
	dir := t.TempDir()
	var paths []string
	for i := range 5 {
		paths = append(paths, storeRun(t, dir, fmt.Sprint("run-", i), uint64(i)))
	}
	var out bytes.Buffer
	if err := KeepScatter(&out, paths, false); err != nil || !strings.Contains(out.String(), "5 stored runs of one build, 15 scenarios") {
		t.Fatalf("%v: %s", err, out.String())
	}
	if s := Scatter(host, warn); s.Runs != 5 || s.Shared <= 0 || s.Shared > .03 {
		t.Errorf("kept: %+v", s)
	}
	out.Reset()
	var kept aa.Runs
	if err := KeepScatter(&out, paths, true); err != nil || json.Unmarshal(out.Bytes(), &kept) != nil || kept.Runs != 5 || kept.Scenarios != 15 || kept.Shared <= 0 {
		t.Errorf("as JSON: %v: %s", err, out.String())
	}
	for name, list := range map[string][]string{"one run": paths[:1], "a run twice": {paths[0], paths[0]}, "no file": {paths[0], dir + "/none"}} {
		if err := KeepScatter(&out, list, false); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
