package export

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tunbench/reports/fixture"
)

// Every chart is taken by a real renderer.
func TestRender(t *testing.T) {
	rsvg, err := exec.LookPath("rsvg-convert")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsvg-convert is not installed, and CI must have it")
		}
		t.Skip("rsvg-convert is not installed (scripts/setup.sh test); the charts are still checked for being well-formed")
	}
	dir := t.TempDir()
	if err := writeRun(dir, fixture.Synthetic()); err != nil {
		t.Fatal(err)
	}
	charts, err := filepath.Glob(filepath.Join(dir, "*.svg"))
	if err != nil || len(charts) == 0 {
		t.Fatalf("no charts: %v", err)
	}
	for _, c := range charts {
		out := c + ".png"
		if msg, err := exec.Command(rsvg, "-o", out, c).CombinedOutput(); err != nil {
			t.Errorf("render %s: %v: %s", filepath.Base(c), err, msg)
		} else if st, err := os.Stat(out); err != nil || st.Size() < 2000 {
			t.Errorf("render %s: the image is empty", filepath.Base(c))
		}
	}
}
