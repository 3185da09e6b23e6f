package block

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// TestDescriptorsOfASession holds what is reckoned against what sessions have.
func TestDescriptorsOfASession(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("needs root, to make devices")
	}
	open := func() int64 {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return int64(len(list))
	}
	for name, set := range map[string]func(*spec.Spec){
		"one flow":           func(s *spec.Spec) {},
		"64 flows":           func(s *spec.Spec) { s.Flows = 64 },
		"1000 flows":         func(s *spec.Spec) { s.Flows = 1000 },
		"8 queues":           func(s *spec.Spec) { s.Queues, s.Flows = 8, 8 },
		"8 queues, io_uring": func(s *spec.Spec) { s.Queues, s.Flows, s.IO = 8, 8, spec.IOURing },
		"4 queues, vhost": func(s *spec.Spec) {
			s.Path, s.IO, s.Mode, s.Queues, s.Flows = spec.PathRelay, spec.IOVhost, spec.TAP, 4, 4
		},
		"bridge":      func(s *spec.Spec) { s.Path, s.Mode, s.Queues, s.Flows = spec.PathBridge, spec.TAP, 4, 400 },
		"written":     func(s *spec.Spec) { s.Dir, s.Queues, s.Flows = spec.U2K, 4, 300 },
		"both":        func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 300 },
		"relay, both": func(s *spec.Spec) { s.Path, s.Dir, s.Flows = spec.PathRelay, spec.Both, 300 },
		"relay, TCP":  func(s *spec.Spec) { s.Path, s.Gen, s.Size, s.Flows = spec.PathRelay, spec.GenTCP, 1500, 64 },
		"relay, TCP both": func(s *spec.Spec) {
			s.Path, s.Gen, s.Size, s.Dir, s.Flows = spec.PathRelay, spec.GenTCP, 1500, spec.Both, 64
		},
		"vpn, requests": func(s *spec.Spec) { s.Path, s.Gen, s.Flows = spec.PathVPN, spec.GenUDPRR, 128 },
		"loopback of the latter": func(s *spec.Spec) {
			s.Path, s.Gen, s.Flows = spec.PathVPN, spec.GenUDPRR, 128
			*s, _, _ = s.Yardstick()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := spec.Default()
			s.Warmup, s.Measure, s.Window = 0, 100*time.Millisecond, 10*time.Millisecond
			set(&s)
			hook := bpf.Tracepoint
			if s.Loopback {
				hook = bpf.None
			}
			before := open()
			side, workers, err := trial.NewInRound(trial.Variant{Spec: s, Hook: string(hook)}, record.Floor{}, false)
			if err != nil {
				t.Fatal(err)
			}
			defer worker.Quiet(workers, 0)()
			for _, step := range []trial.Step{trial.Build, trial.Start} {
				if err := side.Do(t.Context(), step); err != nil {
					side.Close()
					lacks := new(refusal.Unsupported)
					if s.IO == spec.IOVhost && errors.As(err, &lacks) || s.IO == spec.IOURing && errors.Is(err, unix.ENOSYS) {
						t.Skipf("this kernel has no %s: %v", s.IO, err)
					}
					t.Fatal(err)
				}
			}
			has := open() - before
			if err := side.Close(); err != nil {
				t.Error(err)
			}
			if got := descriptorsOf(s, trial.Workers(s)); got < has || got > 2*has+100 {
				t.Errorf("%d descriptors are reckoned with, %d are there", got, has)
			}
			if n := trial.Workers(s); n < workers {
				t.Errorf("%d workers, which have %d CPUs", n, workers)
			}
		})
	}
}

// TestFit: a flow takes a descriptor, whatever the number of flows.
func TestFit(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = min(4096, before.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NOFILE, &before)
	fitting := func(flows int) int {
		s := spec.Default()
		s.Flows = flows
		variants := make([]trial.Variant, 200)
		for i := range variants {
			variants[i] = trial.Variant{Spec: s, Hook: string(bpf.None)}
		}
		return Fit(variants)
	}
	last := 0
	for _, flows := range []int{32768, 1000, 640, 64, 63, 1} {
		n := fitting(flows)
		if n < 1 || n < last || n > mostTogether || n > 1 && int64(2*n*flows) > int64(limit.Cur) {
			t.Errorf("%d of %d flows fit, and %d with the next more", n, flows, last)
		}
		last = n
	}
	if a, b := fitting(64), fitting(63); b-a > 1 {
		t.Errorf("%d of 64 flows fit, and %d of 63", a, b)
	}
	if n := fitting(1000); n != 1 {
		t.Errorf("%d of 1000 flows fit into %d descriptors", n, limit.Cur)
	}
}
