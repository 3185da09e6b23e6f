package advise

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/advice"
	documentadvise "tunbench/reports/document/advise"
	"tunbench/reports/render"
	"tunbench/reports/screen"
)

var update = flag.Bool("update", false, "write the golden files")

// states are advices of each kind.
func states(t *testing.T) map[string]*advice.Advice {
	noTunnel := func(s spec.Spec) error {
		if s.Offload == spec.OffloadTunnel {
			return &refusal.Unsupported{Detail: "set offloads of tun0 to tunnel: TUNSETOFFLOAD: invalid argument"}
		}
		return nil
	}
	n := 0
	stolen := func(spec.Spec) bool { n++; return n%50 == 0 }
	return map[string]*advice.Advice{
		"better":       advise(t, &model{rate: vpnRates, noise: 0.02, probe: noTunnel, invalid: stolen}, "vpn", 1),
		"stay":         advise(t, &model{rate: func(spec.Spec) float64 { return 1e6 }, noise: 0.03}, "stack", 1),
		"inconclusive": advise(t, &model{rate: vpnRates, noise: 0.02, invalid: func(spec.Spec) bool { return true }}, "bridge", 1),
	}
}

func TestGolden(t *testing.T) {
	for name, a := range states(t) {
		var report bytes.Buffer
		if err := render.Markdown(&report, documentadvise.New(a), render.Options{Charts: true}); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{name + ".txt": render.AdviceText(screen.Screen{Columns: 80}, a)}
		if name == "better" {
			files[name+".md"] = report.Bytes()
		}
		for file, got := range files {
			path := filepath.Join("testdata", file)
			if *update {
				if err := os.WriteFile(path, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs from what was made; look at it, and write it with -update:\n%s", path, got)
			}
		}
	}
}
