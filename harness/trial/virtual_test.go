package trial

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/hypervisor"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/vm"
	"tunbench/harness/vm/kernel"
	"tunbench/harness/vm/vmtest"
	"tunbench/reports/record"
)

// needGuest skips a test that boots a guest behind a TAP device, unless it must not be
// skipped, and sets what the guest runs.
func needGuest(t *testing.T) {
	t.Helper()
	needRoot(t)
	if testing.Short() {
		t.Skip("boots guests, which -short leaves out; make test does")
	}
	lack := t.Skipf
	if os.Getenv("CI") == "true" {
		lack = t.Fatalf
	}
	if _, err := vm.FindQEMU(runtime.GOARCH); err != nil {
		lack("%v; scripts/setup.sh guest installs it", err)
	}
	if len(kernel.Cached(runtime.GOARCH)) == 0 {
		lack("needs a kernel: %s fetches one", kernel.FetchScript)
	}
	hypervisor.Executable = vmtest.Program(t)
	t.Cleanup(func() { hypervisor.Executable = "" })
}

// virtual is a Spec of a guest behind the device, measured for half a second.
func virtual(set func(*spec.Spec)) spec.Spec {
	s := spec.Default()
	s.Mode, s.Path, s.VnetHdr = spec.TAP, spec.PathGuest, 12
	s.Warmup, s.Measure, s.Window = 200*time.Millisecond, 500*time.Millisecond, 100*time.Millisecond
	set(&s)
	return s
}

// runGuest makes a trial, again where that fails: on a busy host an emulated guest may not
// answer in time. What a trial says is not tried again.
func runGuest(t *testing.T, s spec.Spec, hook string) record.Trial {
	t.Helper()
	var errs []error
	for range 3 {
		tr, err := lab.Run(context.Background(), s, hook, record.Floor{})
		if err == nil {
			return tr
		}
		t.Log(err)
		errs = append(errs, err)
	}
	t.Fatal(errors.Join(errs...))
	return record.Trial{}
}

// TestGuestAccounts has packets dropped at the TAP device and at the guest's socket, and
// accounts for each of them.
func TestGuestAccounts(t *testing.T) {
	needGuest(t)
	for name, test := range map[string]struct {
		set  func(*spec.Spec)
		hook bpf.Hook
	}{
		"k2u":         {func(*spec.Spec) {}, bpf.Tracepoint},
		"u2k bare":    {func(s *spec.Spec) { s.Dir = spec.U2K }, bpf.None},
		"both":        {func(s *spec.Spec) { s.Dir = spec.Both }, bpf.Tracepoint},
		"four queues": {func(s *spec.Spec) { s.Dir, s.Queues, s.Flows = spec.Both, 4, 16 }, bpf.Tracepoint},
		"bridge":      {func(s *spec.Spec) { s.Dir, s.Bridge = spec.Both, true }, bpf.Tracepoint},
		"header":      {func(s *spec.Spec) { s.VnetHdr, s.Size = 0, 1500 }, bpf.None},
		"qdisc":       {func(s *spec.Spec) { s.Size, s.Qdisc = spec.SizeIMIX, "bfifo:limit=800" }, bpf.Tracepoint},
		"qdisc, bare": {func(s *spec.Spec) { s.Size, s.Qdisc = spec.SizeIMIX, "bfifo:limit=800" }, bpf.None},
		"offload":     {func(s *spec.Spec) { s.Offload, s.Family, s.Size = spec.OffloadTSO, 6, 1500 }, bpf.None},
	} {
		t.Run(name, func(t *testing.T) {
			s := virtual(test.set)
			tr := runGuest(t, s, string(test.hook))
			a := tr.Accounting
			t.Logf("%+v, boot %v", a, time.Duration(tr.Guest.BootNs))
			if a.Unexplained != 0 || slices.Contains(tr.Flags, record.FlagUnexplained) || a.Delivered == 0 {
				t.Errorf("accounts %+v, notes %q", a, tr.Notes)
			}
			if drops := a.Dropped[record.QdiscDrop] > 0; drops != s.Holds() {
				t.Errorf("qdisc=%s: dropped %v", s.Qdisc, a.Dropped)
			}
			if emulated := tr.Guest.Accel != vm.KVM; slices.Contains(tr.Flags, record.FlagEmulated) != emulated || emulated && !tr.Invalid() {
				t.Errorf("accelerator %s, flags %v", tr.Guest.Accel, tr.Flags)
			}
			checkGuestQueues(t, s, tr)
		})
	}
}

// checkGuestQueues holds what the guest's driver counted on each queue against what the
// host's observer saw.
func checkGuestQueues(t *testing.T, s spec.Spec, tr record.Trial) {
	t.Helper()
	if len(tr.Guest.Queues) != s.Queues {
		t.Errorf("%d queues in the guest, want %d", len(tr.Guest.Queues), s.Queues)
		return
	}
	var rx, tx uint64
	for i, q := range tr.Guest.Queues {
		rx, tx = rx+q.RxPkts, tx+q.TxPkts
		if len(tr.Queues) > 0 && (q.RxPkts != tr.Queues[i].ReadPkts || q.TxPkts != tr.Queues[i].RecvPkts) {
			t.Errorf("queue %d: %+v in the guest, %+v on the host", i, q, tr.Queues[i])
		}
	}
	if s.Dir != spec.U2K && rx == 0 || s.Dir != spec.K2U && tx == 0 {
		t.Errorf("the guest's queues received %d and sent %d packets", rx, tx)
	}
}

// TestGuestWithoutLoss has every packet arrive, in one of a few trials: an emulated guest
// that has to wait for the host's CPUs loses some.
func TestGuestWithoutLoss(t *testing.T) {
	needGuest(t)
	const trials = 5
	s := virtual(func(s *spec.Spec) { s.Rate = 200 })
	for range trials {
		tr := runGuest(t, s, string(bpf.None))
		a := tr.Accounting
		if a.Accepted == 0 || a.Unexplained != 0 {
			t.Fatalf("accounts %+v", a)
		}
		if tr.Schedule == nil || tr.Schedule.Sends == 0 {
			t.Fatalf("schedule %+v", tr.Schedule)
		}
		if a.Delivered == a.Accepted {
			return
		}
		t.Logf("lost some: %+v", a)
	}
	t.Errorf("none of %d trials was without loss", trials)
}

// TestGuestThatDies has QEMU fail, at once and while it boots: the error quotes it.
func TestGuestThatDies(t *testing.T) {
	needGuest(t)
	for name, test := range map[string]struct{ script, want string }{
		"at once": {"echo qemu: no such machine >&2; exit 1", "no such machine"},
		"silent":  {"exec sleep 0.2", "QEMU ended: it gave no reason"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, vm.Program(runtime.GOARCH)), []byte("#!/bin/sh\n"+test.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
			_, err := lab.Run(context.Background(), virtual(func(*spec.Spec) {}), string(bpf.None), record.Floor{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestGuestsThatCannotBe lacks what a guest needs; nothing is booted.
func TestGuestsThatCannotBe(t *testing.T) {
	needRoot(t)
	probe := func(set func(*spec.Spec)) (reason, detail string) {
		err := Probe(t.Context(), virtual(set), bpf.None)
		if err == nil {
			t.Error("a guest that cannot be was built")
			return "", ""
		}
		return refusal.Classify(err)
	}
	t.Run("kernel", func(t *testing.T) {
		if _, err := vm.FindQEMU(runtime.GOARCH); err != nil {
			t.Skip("needs QEMU: scripts/setup.sh guest installs it")
		}
		reason, detail := probe(func(s *spec.Spec) { s.GuestKernel = "9.99" })
		if reason != record.Missing || !strings.Contains(detail, "no such kernel") {
			t.Errorf("%s: %s", reason, detail)
		}
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		reason, detail = probe(func(*spec.Spec) {})
		if reason != record.Missing || !strings.Contains(detail, kernel.FetchScript) {
			t.Errorf("%s: %s", reason, detail)
		}
	})
	t.Run("QEMU", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		reason, detail := probe(func(*spec.Spec) {})
		if reason != record.Missing || !strings.Contains(detail, "install qemu-system-x86") {
			t.Errorf("%s: %s", reason, detail)
		}
	})
}
