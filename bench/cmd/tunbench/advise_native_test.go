package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/reports/advice"
)

// TestAdviseNative asks this host about four candidates: GSO packets are several times
// faster, and a cost of 50 µs a packet that is planted in one of two equal I/O calls makes
// the other one the answer. On a busy host the time may not be enough for an interval, but
// the answer must not be another one.
func TestAdviseNative(t *testing.T) {
	if unix.Geteuid() != 0 {
		lacking(t, "needs root, to make devices")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "mine.yaml")
	if err := os.WriteFile(file, []byte(`name: mine
plain: plain reads
traffic: [gen=packet-gso size=1500]
choices:
  - {name: header and offload, values: [vnet=off, vnet=10 offload=tso]}
  - {name: I/O, values: [io=read, io=poll]}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		plant []string
		use   []string // one of these
	}{
		"as it is": {nil, []string{"vnet=10 offload=tso io=read", "vnet=10 offload=tso io=poll"}},
		"planted":  {[]string{"--plant", "vnet=10 offload=tso io=read: filter=50000ns"}, []string{"vnet=10 offload=tso io=poll"}},
	} {
		var stdout, stderr bytes.Buffer
		out := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		code := run(t.Context(), append([]string{"advise", "--candidates", file, "--budget", "20s", "--seed", "1", "--json", "--out", out}, test.plant...), &stdout, &stderr)
		lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
		var a advice.Advice
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &a); err != nil || code != 0 && code != exitUnknown {
			t.Errorf("%s: code %d, %v\n%s%s", name, code, err, stdout.String(), stderr.String())
			continue
		}
		right := false
		for _, use := range test.use {
			right = right || a.Use.Words == use
		}
		if !right || code == 0 && a.Verdict == advice.Better && a.Gain.PPS.Value < 1.5 || a.Trials == 0 {
			t.Errorf("%s: use %s, %s, %+v\n%s", name, a.Use.Words, a.Verdict, a.Gain, stderr.String())
		}
		f := readRun(t, out)
		if len(f.Trials) != a.Trials || f.End == nil {
			t.Errorf("%s: %d trials in the file, %d counted", name, len(f.Trials), a.Trials)
		}
		t.Logf("%s: code %d, %s, %s, %d blocks, %d finals", name, code, a.Use.Words, a.Verdict, a.Blocks, a.Finals)
	}
}
