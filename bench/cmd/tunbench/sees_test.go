package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/aa"
	"tunbench/reports/record"
)

// What is known of this host is in the header and in the report; what is known
// of it under another kernel is not, and a warning says so.
func TestRunSees(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	dir := filepath.Join(cache, "tunbench", "aa")
	store := func(h record.Host, pps float64) {
		t.Helper()
		r := aa.New(h, "v1", time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), aa.Result{Scenario: "Tun/dir=k2u", Pairs: 10, Seen: map[string]float64{record.PPS: pps}})
		if err := aa.Store(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	measure := func(want map[string]float64, warning, line string) {
		t.Helper()
		out := t.TempDir()
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, runArgs(out)...)
		if code != 0 || !strings.Contains(stderr, warning) || (stderr == "") != (warning == "") {
			t.Errorf("exit %d, stderr %q, want %q", code, stderr, warning)
		}
		if d := cmp.Diff(want, readRun(t, out).Run.Sees); d != "" {
			t.Errorf("sees (-want +got):\n%s", d)
		}
		report, err := os.ReadFile(filepath.Join(out, "report.md"))
		if err != nil {
			t.Fatal(err)
		}
		for what, text := range map[string]string{"report": strings.ReplaceAll(string(report), "**", ""), "summary": stdout} {
			if got := strings.Contains(text, "This host can detect changes of "); got != (line != "") || !strings.Contains(text, line) {
				t.Errorf("the %s lacks %q, or says what nobody knows:\n%s", what, line, text)
			}
		}
	}
	measure(nil, "", "")

	host := fakeLab{}.Host()
	other := host
	other.Kernel = "6.12.0"
	store(other, 0.01)
	measure(nil, "warning: the A/A run of 2026-11-20T12:00:00Z on this host says nothing about this kernel: it was made under another kernel, 6.12.0", "")

	store(host, 0.021)
	measure(map[string]float64{record.PPS: 0.021}, "", "This host can detect changes of 2.1 % in pps")

	// One of a disturbed host, as an older tunbench stored it, says nothing.
	store(host, 0.51)
	measure(nil, "warning: the A/A run of 2026-11-20T12:00:00Z of Tun/dir=k2u says nothing about this host and is not used: "+
		"it detects changes of pps only from 51.00 % on; the limit is 9.00 %, 3 times the threshold; compare equal variants again when the host is quiet, or forget what is kept: tunbench ab --forget-aa", "")
	store(host, 0.021)

	t.Setenv("TUNBENCH_CLOCK", "icount")
	measure(nil, "", "")
	t.Setenv("TUNBENCH_CLOCK", "")

	file := filepath.Join(dir, aa.Fingerprint(host)+".json")
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	measure(nil, file+" is corrupt", "")
}
