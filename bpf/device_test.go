package bpf

import (
	"testing"
	"time"

	"github.com/cilium/ebpf"
)

// TestDevicePrograms runs the programs that return a number on a packet, without a
// device.
func TestDevicePrograms(t *testing.T) {
	needRoot(t)
	const length = 60
	filter := func(takes time.Duration) func() (*ebpf.Program, error) {
		return func() (*ebpf.Program, error) { return LoadFilter(takes) }
	}
	steer := func(s Steering) func() (*ebpf.Program, error) {
		return func() (*ebpf.Program, error) { return LoadSteering(s) }
	}
	for name, c := range map[string]struct {
		load func() (*ebpf.Program, error)
		want uint32
	}{
		"filter pass": {filter(0), length},
		"filter 1ns":  {filter(1), length},
		"filter 50us": {filter(MaxFilterTime), length},
		"steer one":   {steer(SteerOne), 1},
		"steer hash":  {steer(SteerHash), 0}, // nobody has hashed it
	} {
		t.Run(name, func(t *testing.T) {
			prog, err := c.load()
			if err != nil {
				t.Fatal(err)
			}
			defer prog.Close()
			got, err := prog.Run(&ebpf.RunOptions{Data: make([]byte, length+14)})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("it returned %d, want %d", got, c.want)
			}
		})
	}
	if _, err := LoadFilter(MaxFilterTime + 1); err == nil {
		t.Error("a filter that takes too long was loaded")
	}
	if _, err := LoadSteering("best"); err == nil {
		t.Error("an unknown steering program was loaded")
	}
}
