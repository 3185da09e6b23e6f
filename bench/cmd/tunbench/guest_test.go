package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
)

// guestKernels are the names of the kernels that the guest tests boot, as
// scripts/kernels.sh fetches them.
var guestKernels = []string{"6.1", "6.12", "6.12-cloud-arm64"}

// needGuest finds a kernel to boot, or skips the test with what is missing.
func needGuest(t *testing.T, name string) *kernel.Kernel {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a guest, which -short leaves out; make test does")
	}
	lack := t.Skipf
	if os.Getenv("CI") == "true" {
		lack = t.Fatalf
	}
	kernel, cleanup, err := kernel.Find(name, "")
	if err != nil {
		lack("needs a kernel: %v", err)
	}
	if _, err := vm.FindQEMU(kernel.Arch); err != nil {
		lack("%v; scripts/setup.sh guest installs it", err)
	}
	t.Cleanup(func() {
		if err := cleanup(); err != nil {
			t.Error(err)
		}
	})
	return kernel
}

// guestBinary builds what a guest of another architecture runs, and returns "" for one of
// this architecture, in which the test binary is init.
func guestBinary(t *testing.T, arch string) string {
	t.Helper()
	if arch == runtime.GOARCH {
		return ""
	}
	path := filepath.Join(t.TempDir(), "tunbench-"+arch)
	// As make build-arm64 builds it, so that what it left in Go's cache is used.
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := build.CombinedOutput(); err != nil {
		lack := t.Skipf
		if os.Getenv("CI") == "true" {
			lack = t.Fatalf
		}
		lack("needs tunbench for %s: %v\n%s", arch, err, out)
	}
	return path
}

// bootGuest runs commands in a guest whose /init is the test binary or, for another
// architecture, tunbench. It keeps one CPU busy, as scripts/test.sh expects of tests that run
// beside others.
func bootGuest(t *testing.T, name string, job guest.Job) *vm.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	kernel := needGuest(t, name)
	result, err := vm.Machine{
		Kernel: kernel, Executable: guestBinary(t, kernel.Arch), Accel: vm.TCG, OneThread: true, Timeout: 3 * time.Minute, Log: func(s string) { t.Log(s) },
	}.Run(ctx, job)
	if err != nil && strings.Contains(err.Error(), "CGO_ENABLED=0") && os.Getenv("CI") != "true" {
		t.Skip("needs a static test binary: build it with CGO_ENABLED=0, as make test does")
	}
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// hooksSuite makes the same traffic each time it is run: in lockstep the count
// of packets is fixed, the flows keep their queues, and a ring of 8 takes 8 of
// each batch.
const hooksSuite = `
name: hooks
pairs: 1
warmup: 0s
measure: 100ms
scenarios:
  - {mode: [tun, tap], gen: lockstep, queues: 4, flows: 64, size: 64}
  - {mode: tun, gen: lockstep, queues: 2, flows: 8, size: 1500, txqlen: 8}
  - {mode: tun, gen: lockstep, queues: 1, size: 1500, vnet: 10, offload: csum}
`

// unsupportedSuite holds what one kernel or the other does not have.
const unsupportedSuite = `
name: unsupported
pairs: 1
warmup: 0s
measure: 100ms
scenarios:
  - {mode: tun, gen: udp-gso, queues: 1, size: 1500, vnet: 10, offload: uso}
  - {mode: tun, gen: lockstep, queues: 1, size: 64, vnet: 24, offload: tunnel}
  - {mode: tun, gen: packet, queues: 1, size: 64, bypass: on}
`

// seen is what a hook counted of one trial.
type seen struct {
	Queues     []record.Queue
	Xmit, Read uint64
	Delivered  uint64
	Dropped    map[string]uint64
}

// TestGuestHooksAgree holds that kprobes, fentry and tracepoints count the same
// packets, bytes, queues and drops, and that none disagrees with the generator,
// the readers and the device's own counters.
func TestGuestHooksAgree(t *testing.T) {
	for _, name := range guestKernels {
		t.Run(name, func(t *testing.T) {
			job := guest.Job{Files: map[string][]byte{
				"/etc/hooks.yaml": []byte(hooksSuite), "/etc/unsupported.yaml": []byte(unsupportedSuite),
			}}
			hooks := []string{"kprobe", "fentry", "tracepoint"}
			for _, hook := range hooks {
				job.Commands = append(job.Commands, []string{"run", "--quiet", "--suite", "/etc/hooks.yaml",
					"--arm", "observed", "--hook", hook, "--out", guest.OutDir + "/" + hook})
			}
			job.Commands = append(job.Commands,
				[]string{"run", "--quiet", "--suite", "/etc/unsupported.yaml", "--arm", "observed", "--out", guest.OutDir + "/auto"},
				[]string{"doctor", "--json"})
			result := bootGuest(t, name, job)
			t.Logf("booted in %v", result.BootTime)
			for _, c := range result.Commands {
				t.Logf("%v: %v", c.Duration, c.Args)
				if c.Exit != 0 {
					t.Fatalf("%v: exit %d: %s%s", c.Args, c.Exit, c.Stderr, c.Error)
				}
			}
			first := countsOf(t, result, "kprobe")
			if len(first) != 4 {
				t.Fatalf("%d scenarios, want 4", len(first))
			}
			for _, hook := range hooks[1:] {
				if diff := cmp.Diff(first, countsOf(t, result, hook)); diff != "" {
					t.Errorf("kprobe (-) and %s (+) differ:\n%s", hook, diff)
				}
			}
			checkAuto(t, name, result)
			checkDoctor(t, result.Commands[len(result.Commands)-1].Stdout)
		})
	}
}

func runFile(t *testing.T, result *vm.Result, dir string) *record.File {
	t.Helper()
	f, err := record.Read(bytes.NewReader(result.Files[dir+"/"+record.FileName]))
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	if f.End == nil || len(f.Warnings) > 0 {
		t.Fatalf("%s: not whole: %v", dir, f.Warnings)
	}
	return f
}

// countsOf gives what a hook counted, by scenario.
func countsOf(t *testing.T, result *vm.Result, hook string) map[string]seen {
	t.Helper()
	f := runFile(t, result, hook)
	if f.Run.Hook.Used != hook || f.Run.Host.Virt != "tcg" {
		t.Errorf("hook %s, virt %s, want %s and tcg", f.Run.Hook.Used, f.Run.Host.Virt, hook)
	}
	calls := hook != "tracepoint"
	for _, target := range []string{"tun_net_xmit", "tun_do_read"} {
		if has := slices.Contains(f.Run.Hook.Programs, record.Program{Name: hook + map[string]string{"tun_net_xmit": "_xmit", "tun_do_read": "_read"}[target], Kind: hook, Target: target}); has != calls {
			t.Errorf("%s: attached to %s: %v", hook, target, has)
		}
	}
	all := map[string]seen{}
	for _, trial := range f.Trials {
		a := trial.Accounting
		if a.Unexplained != 0 || slices.Contains(trial.Flags, record.FlagUnexplained) {
			t.Errorf("%s: %s: %+v %v", hook, trial.Scenario, a, trial.Notes)
		}
		switch o := trial.Observer; {
		case calls != (o.ReadCalls != nil) || calls != (o.NoReads == ""):
			t.Errorf("%s: %s: calls of tun_do_read: %v, %q", hook, trial.Scenario, o.ReadCalls, o.NoReads)
		case calls && *o.ReadCalls != trial.Reads.Calls:
			t.Errorf("%s: %s: tun_do_read was called %d times, the readers called %d times", hook, trial.Scenario,
				*o.ReadCalls, trial.Reads.Calls)
		}
		if strings.Contains(trial.Scenario, "txqlen=8") != (len(a.Dropped) > 0) {
			t.Errorf("%s: %s: dropped %v", hook, trial.Scenario, a.Dropped)
		}
		// How long packets stayed differs, of whatever hook.
		for i, q := range trial.Queues {
			if lockstep := strings.Contains(trial.Scenario, "gen=lockstep"); lockstep != (q.Residency == nil && q.Depth == nil) && q.ReadPkts > 100 {
				t.Errorf("%s: %s: queue %d has residency %v, depth %v", hook, trial.Scenario, q.Queue, q.Residency, q.Depth)
			}
			trial.Queues[i].Residency, trial.Queues[i].Depth = nil, nil
		}
		all[trial.Scenario] = seen{trial.Queues, *a.Xmit, *a.Read, a.Delivered, a.Dropped}
	}
	return all
}

// checkAuto holds that kprobe is chosen where it holds, that it sees what
// bypasses the qdisc, and that a kernel's refusals are recorded as such.
func checkAuto(t *testing.T, kernel string, result *vm.Result) {
	t.Helper()
	f := runFile(t, result, "auto")
	if f.Run.Hook.Used != "kprobe" || len(f.Run.Hook.PassedOver) > 0 {
		t.Errorf("auto chose %s, passed over %v", f.Run.Hook.Used, f.Run.Hook.PassedOver)
	}
	unsupported := []string{"offload=tunnel"} // since Linux 6.17
	if kernel == "6.1" {
		unsupported = append(unsupported, "offload=uso") // since Linux 6.2
	}
	if len(f.Skips) != len(unsupported) {
		t.Errorf("skipped %+v, want %v", f.Skips, unsupported)
	}
	for _, skip := range f.Skips {
		if skip.Reason != record.Unsupported || !strings.Contains(skip.Detail, "TUNSETOFFLOAD") ||
			!slices.ContainsFunc(unsupported, func(u string) bool { return strings.Contains(skip.Scenario, u) }) {
			t.Errorf("skipped %+v, want %v", skip, unsupported)
		}
	}
	bypass := false
	for _, trial := range f.Trials {
		if a := trial.Accounting; a.Unexplained != 0 || *a.Xmit != a.Accepted {
			t.Errorf("%s: %+v %v", trial.Scenario, a, trial.Notes)
		}
		bypass = bypass || strings.Contains(trial.Scenario, "bypass=on")
	}
	if !bypass {
		t.Error("no trial that bypasses the qdisc")
	}
}

// checkDoctor holds that every hook is found to hold.
func checkDoctor(t *testing.T, stdout []byte) {
	t.Helper()
	var report struct {
		Sections []struct {
			Title string
			Rows  []struct{ Name, Status string }
		}
	}
	if err := json.Unmarshal(stdout, &report); err != nil {
		t.Fatalf("doctor: %v: %s", err, stdout)
	}
	for _, section := range report.Sections {
		if section.Title != "Observer" {
			continue
		}
		for _, row := range section.Rows {
			if want := map[bool]string{true: "used", false: "ok"}[row.Name == "kprobe"]; row.Status != want {
				t.Errorf("doctor: %s is %s, want %s", row.Name, row.Status, want)
			}
		}
		return
	}
	t.Error("doctor says nothing of the observer")
}
