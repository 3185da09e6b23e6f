package record

import "testing"

func TestFloorFault(t *testing.T) {
	copies := func(small, middle, large float64) map[string]float64 {
		return map[string]float64{"64": small, "1500": middle, "65536": large}
	}
	for _, tt := range []struct {
		name  string
		floor Floor
		want  string
	}{
		{"not measured", Floor{}, ""},
		{"no copies", Floor{SyscallNs: 90}, ""},
		{"a real machine", Floor{86.2, copies(30.1, 58.7, 1200)}, ""},
		{"an emulated one", Floor{598, copies(610, 659, 7718)}, ""},
		{"scatter", Floor{90, copies(41, 38, 1200)}, ""},
		{"unknown sizes", Floor{90, map[string]float64{"a": 5, "64": 30, "-1": 9}}, ""},
		{"a smaller copy costs more", Floor{5000, copies(55_356, 5_882, 71_000)}, "a copy of 64 bytes took 55356 ns, one of 1500 bytes 5882 ns"},
		{"the same of the largest", Floor{5000, copies(30, 58, 40)}, "a copy of 1500 bytes took 58 ns, one of 65536 bytes 40 ns"},
		{"hundreds of system calls", Floor{1200, copies(655_356, 655_882, 771_000)}, "a copy of 64 bytes took 655356 ns, a bare system call 1200 ns"},
		{"for nothing", Floor{90, copies(0, 58, 1200)}, "a copy of 64 bytes took 0 ns"},
	} {
		if got := tt.floor.Fault(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
