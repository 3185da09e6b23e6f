package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/harness/spec"
)

// TestListProbesEachDeviceOnce holds that what scenarios have in common is built
// once, that one which the kernel refuses for its flows alone does not take the
// others with it, and that a list that takes long says how far it is.
func TestListProbesEachDeviceOnce(t *testing.T) {
	suite := filepath.Join(t.TempDir(), "many.yaml")
	var loads []string
	for i := range 63 {
		loads = append(loads, fmt.Sprintf("%dpps", 1000*(i+1)))
	}
	text := "scenarios:\n  - {mode: [tun, tap], queues: [1, 2], flows: [1, 2, 4, 8], size: [64, 128, 1000, 2000], load: [max, " + strings.Join(loads, ", ") + "]}\n"
	if err := os.WriteFile(suite, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	before := listSays
	defer func() { listSays = before }()
	for name, c := range map[string]struct {
		probe             func(spec.Spec) error
		probes, supported int
		slow              bool
	}{
		// Two modes by two counts of queues by two MTUs.
		"all can be had": {func(spec.Spec) error { return nil }, 8, 4096, false},
		"a slow host":    {func(spec.Spec) error { return nil }, 8, 4096, true},
		"many flows cannot": {func(s spec.Spec) error {
			if s.Flows == 8 {
				return errUnsupported
			}
			return nil
		}, 32, 3072, false},
		"one size cannot": {func(s spec.Spec) error {
			if s.Size == 2000 && s.Queues == 2 {
				return errUnsupported
			}
			return nil
		}, 6 + 2*4, 4096 - 2*4*64, false},
	} {
		t.Run(name, func(t *testing.T) {
			listSays = before
			if c.slow {
				listSays = 0
			}
			probes := 0
			lab := fakeLab{probe: func(s spec.Spec) error {
				probes++
				time.Sleep(time.Microsecond)
				return c.probe(s)
			}}
			code, stdout, stderr := tunbench(context.Background(), lab, nil, "list", "--suite", suite)
			lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			refused := strings.Count(stdout, "  # unsupported: ")
			if code != 0 || len(lines) != 4096 || len(lines)-refused != c.supported {
				t.Errorf("exit %d, %d lines, %d refused, want %d supported", code, len(lines), refused, c.supported)
			}
			if probes != c.probes {
				t.Errorf("%d probes, want %d", probes, c.probes)
			}
			if said := strings.Contains(stderr, "looked at 100 of 4096 scenarios, about "); said != c.slow {
				t.Errorf("said how far it is: %t, want %t", said, c.slow)
			}
		})
	}
}
