package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// parentEnv makes the test binary boot a machine until it is killed.
const parentEnv = "TUNBENCH_TEST_BOOT"

// TestMain lets the test binary stand in for tunbench: as init of a guest, as
// a command there, and as a program on the host that is killed.
func TestMain(m *testing.M) {
	if guest.IsInit() {
		guest.Init()
	}
	if _, err := os.Stat(guest.JobPath); err == nil {
		os.Exit(inGuest(os.Args[1:]))
	}
	if image := os.Getenv(parentEnv); image != "" {
		_, err := Machine{Kernel: &kernel.Kernel{Image: image, Arch: "amd64"}, Accel: TCG, Executable: os.Getenv(parentEnv + "_PROGRAM")}.Run(context.Background(), guest.Job{})
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// fakeQEMU puts a script in the place of QEMU, and returns a machine.
func fakeQEMU(t *testing.T, script string) Machine {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, Program("amd64"))
	write(t, path, []byte("#!/bin/sh\n"+script))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	image := filepath.Join(dir, "vmlinuz")
	write(t, image, []byte("a kernel"))
	executable := filepath.Join(dir, "tunbench")
	write(t, executable, static(62, false))
	return Machine{Kernel: &kernel.Kernel{Image: image, Release: "6.1.0", Arch: "amd64"}, Accel: TCG, Timeout: 20 * time.Second, Executable: executable}
}

// answer is a script that acts as a guest that does its job.
func answer(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frame")
	write(t, path, frame(t))
	return "printf 'tunbench-init: ready\\r\\ntunbench-init: results\\r\\n'; cat " + path + " >/proc/self/fd/4; printf 'tunbench-init: done\\r\\n'\n"
}

func TestMachine(t *testing.T) {
	m := fakeQEMU(t, `case "$*" in *console=ttyS0*mitigations=off*) ;; *) exit 1 ;; esac
head -c 6 /proc/self/fd/3 | grep -q 070701 || exit 1
`+answer(t)+"exec sleep 60") // cannot power off
	m.Append = "mitigations=off"
	var lines []string
	m.Line = func(line string) { lines = append(lines, line) }
	r, err := m.Run(context.Background(), guest.Job{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Commands) != 2 || string(r.Files["run.jsonl"]) != "{}\n" || r.Accel != TCG || r.BootTime <= 0 || len(lines) != 3 {
		t.Errorf("result %+v, console %q", r, lines)
	}
}

func TestMachineFails(t *testing.T) {
	for name, test := range map[string]struct {
		script string
		change func(*Machine)
		want   []string
	}{
		"panic":      {"printf '[ 1.0] Kernel panic - not syncing: VFS: no root\\r\\n[ 1.1] trace\\r\\n'; exec sleep 60", nil, []string{"the kernel gave up: Kernel panic - not syncing: VFS", "  | [ 1.1] trace"}},
		"oops":       {"printf '[ 1.0] BUG: kernel NULL pointer dereference, address: 0000000000000000\\r\\n[ 1.0] Oops: 0002 [#1] SMP\\r\\n[ 1.1] Kernel panic - not syncing: Fatal exception\\r\\n'", nil, []string{"the kernel gave up: BUG: kernel NULL pointer dereference, address: 0000000000000000 (Kernel panic - not syncing: Fatal exception)"}},
		"no panic":   {"echo '[ 1.0] kernel BUG at drivers/net/tun.c:1!'; exec sleep 60", nil, []string{"the kernel gave up: kernel BUG at drivers/net/tun.c:1!"}},
		"goes on":    {"echo '[ 1.0] Oops: 0002 [#1] SMP';" + answer(t), nil, []string{"the kernel gave up: Oops: 0002 [#1] SMP"}},
		"complains":  {"echo '[ 9.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s!'; exec sleep 60", func(m *Machine) { m.Timeout = time.Second }, []string{"not done after 1s (--timeout); before, the kernel warns: BUG: soft lockup - CPU#0"}},
		"killed":     {"echo tunbench-init: ready; kill -9 $$", nil, []string{"ended before its commands were done: QEMU ended: signal: killed"}},
		"ttyS1":      {"", func(m *Machine) { m.Append = "quiet console=ttyS1,115200" }, []string{"leave out console=ttyS1"}},
		"hang":       {"echo booting; exec sleep 60", func(m *Machine) { m.Timeout = time.Second }, []string{"not done after 1s (--timeout)", "  | booting"}},
		"init":       {"echo 'tunbench-init: error: load module tun: exec format error (ENOEXEC)'", nil, []string{"in the guest: load module tun", "6.1.0 under tcg"}},
		"torn":       {"echo tunbench-init: ready; echo TUNBENCH-RESULT-BEGIN >/proc/self/fd/4; echo tunbench-init: done", nil, []string{"arrived torn"}},
		"ended":      {"echo tunbench-init: ready", nil, []string{"ended before its commands were done"}},
		"qemu":       {"echo 'qemu: no such CPU' >&2; exit 1", nil, []string{"QEMU ended: qemu: no such CPU", "the console is empty"}},
		"memory":     {"echo 'Out of memory: Killed process 9 (init)'; echo 'Kernel panic - not syncing: System is deadlocked on memory'", nil, []string{"ran out of its 1024 MiB of memory (--memory)"}},
		"accel":      {"", func(m *Machine) { m.Accel = "hax" }, []string{"choose auto, kvm, tcg"}},
		"icount kvm": {"", func(m *Machine) { m.Accel, m.ICount = KVM, true }, []string{"leave out --accel kvm"}},
		"icount smp": {"", func(m *Machine) { m.SMP, m.ICount = 2, true }, []string{"leave out --smp"}},
		"little":     {"", func(m *Machine) { m.MemoryMiB = 16 }, []string{"at least 128 MiB"}},
		"no qemu":    {"", func(*Machine) { t.Setenv("PATH", "/nonexistent") }, []string{"install qemu-system-x86 (Debian, Ubuntu)"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := fakeQEMU(t, test.script)
			if test.change != nil {
				test.change(&m)
			}
			if name == "no qemu" {
				t.Setenv("PATH", "/nonexistent")
			}
			begin := time.Now()
			r, err := m.Run(context.Background(), guest.Job{})
			if err == nil {
				t.Fatalf("no error: %+v", r)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nwant %q", err, want)
				}
			}
			if time.Since(begin) > 10*time.Second {
				t.Errorf("took %v", time.Since(begin))
			}
		})
	}
}

// What the kernel complains about is told once, and is no failure.
func TestKernelComplains(t *testing.T) {
	m := fakeQEMU(t, `for s in 26 52 78; do echo "[ 9.0] watchdog: BUG: soft lockup - CPU#0 stuck for ${s}s! [init:77]"; done
echo '[ 9.1] WARNING: CPU: 0 PID: 77 at net/core/dev.c:1 netif_rx+0x1/0x2'
echo 'tunbench-init: warning: the kernel warns: WARNING: CPU: 0 PID: 77 at net/core/dev.c:1 netif_rx+0x1/0x2'
`+answer(t))
	var notices []string
	m.Log = func(s string) { notices = append(notices, s) }
	if _, err := m.Run(context.Background(), guest.Job{}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"guest: the kernel warns: BUG: soft lockup - CPU#0 stuck for 26s! [init:77]",
		"guest: the kernel warns: WARNING: CPU: 0 PID: 77 at net/core/dev.c:1 netif_rx+0x1/0x2",
	}
	if !slices.Equal(notices, want) {
		t.Errorf("notices %q, want %q", notices, want)
	}
}

// A guest that the emulator breaks is booted again, three times in all; one
// that panics by itself is not.
func TestBrokenByTheEmulator(t *testing.T) {
	const broken = "printf '[ 1.0] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\\r\\n[ 1.1] Kernel panic - not syncing: Fatal exception\\r\\n'; exit\n"
	for name, test := range map[string]struct {
		breaks int // boots that the emulator breaks
		boots  int
		fails  bool
	}{"once": {1, 2, false}, "always": {9, 3, true}} {
		t.Run(name, func(t *testing.T) {
			boots := filepath.Join(t.TempDir(), "boots")
			m := fakeQEMU(t, fmt.Sprintf("echo >>%s; if [ $(wc -l <%[1]s) -le %d ]; then %s fi\n%s", boots, test.breaks, broken, answer(t)))
			var notices []string
			m.Log = func(s string) { notices = append(notices, s) }
			_, err := m.Run(context.Background(), guest.Job{})
			if (err != nil) != test.fails {
				t.Errorf("error: %v", err)
			}
			if b, err := os.ReadFile(boots); err != nil || len(b) != test.boots || len(notices) != test.boots-1 {
				t.Errorf("%d boots, %v; notices %q; want %d boots", len(b), err, notices, test.boots)
			}
		})
	}
	boots := filepath.Join(t.TempDir(), "boots")
	m := fakeQEMU(t, "echo >>"+boots+"; echo 'Kernel panic - not syncing: VFS'; exit")
	if _, err := m.Run(context.Background(), guest.Job{}); err == nil {
		t.Error("no error")
	}
	if b, _ := os.ReadFile(boots); len(b) != 1 {
		t.Errorf("%d boots of a kernel that panics by itself", len(b))
	}
	// Nor is one whose kernel oopses by itself, and meets a breakpoint after.
	boots = filepath.Join(t.TempDir(), "boots")
	m = fakeQEMU(t, "echo >>"+boots+"; echo 'Oops: 0002 [#1] SMP'; echo 'int3: 0000 [#2] SMP'; exit")
	if _, err := m.Run(context.Background(), guest.Job{}); err == nil {
		t.Error("no error")
	}
	if b, _ := os.ReadFile(boots); len(b) != 1 {
		t.Errorf("%d boots of a kernel that oopses by itself", len(b))
	}
}

// A guest that hangs under KVM is noticed within 5 s, and only once.
func TestAutoPassesOverKVM(t *testing.T) {
	device := kvmDevice
	defer func() { kvmDevice = device }()
	kvmDevice = filepath.Join(t.TempDir(), "kvm")
	write(t, kvmDevice, nil)
	defer rememberKVM(false, "")
	m := fakeQEMU(t, `case "$*" in *"-accel kvm"*) exec sleep 60 ;; esac
`+answer(t))
	m.Accel = Auto
	var notices []string
	m.Log = func(s string) { notices = append(notices, s) }
	for boot, limit := range []time.Duration{5 * time.Second, time.Second} {
		begin := time.Now()
		r, err := m.Run(context.Background(), guest.Job{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Accel != TCG || !strings.Contains(r.PassedOver, "printed nothing for 4s") || time.Since(begin) > limit {
			t.Errorf("boot %d: %s after %v, passed over: %q", boot, r.Accel, time.Since(begin), r.PassedOver)
		}
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "going on with TCG") {
		t.Errorf("notices: %q", notices)
	}
	m.Accel = KVM
	if _, err := m.Run(context.Background(), guest.Job{}); err == nil || !strings.Contains(err.Error(), "--accel kvm: a guest under KVM printed nothing") {
		t.Errorf("forced: %v", err)
	}
}

// A guest that gets little CPU time is waited for, one that stands still or has had its
// time is not.
func TestUntilSilent(t *testing.T) {
	const s = time.Second
	for _, c := range []struct{ used, since, want time.Duration }{
		{0, 60 * s, 0},
		{2 * s, 60 * s, 0},
		{6 * s, 60 * s, 54 * s},
		{50 * s, 300 * s, 10 * s},
		{60 * s, 60 * s, 0},
		{200 * s, 100 * s, 0},
	} {
		if got := UntilSilent(c.used, 60*s, c.since); got != c.want {
			t.Errorf("%v of CPU time in %v: %v more, want %v", c.used, c.since, got, c.want)
		}
	}
	for used, want := range map[time.Duration]string{
		2500 * time.Millisecond: "printed nothing for 1m0s, in which QEMU had 2.5 s of CPU time: either this host is too busy, or the guest hangs, or the kernel has no serial console (CONFIG_X)",
		time.Minute:             "printed nothing for 1m0s: has it a serial console (CONFIG_X)?",
	} {
		if err := silentError(used, time.Minute, "CONFIG_X"); err.Error() != "the kernel "+want {
			t.Errorf("%v of CPU time: %v", used, err)
		}
	}
	for script, busy := range map[string]bool{"exec sleep 60": false, "while :; do :; done": true} {
		m := fakeQEMU(t, script)
		qemu, err := FindQEMU("amd64")
		if err != nil {
			t.Fatal(err)
		}
		b := newBoot(&m, TCG, false)
		b.patience = 500 * time.Millisecond
		initrd, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer initrd.Close()
		if err := b.start(qemu, initrd); err != nil {
			t.Fatal(err)
		}
		b.watch(context.Background())
		if used := b.qemu.cpuTime(); used != 0 {
			t.Errorf("%s: it has ended, and used %v", script, used)
		}
		took := time.Since(b.begin)
		if _, err := b.result(); err == nil || !strings.Contains(err.Error(), "printed nothing for 500ms") || !busy && took > 20*time.Second {
			t.Errorf("%s: %v after %v", script, err, took)
		}
	}
}

func TestCancelKillsQEMU(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	m := fakeQEMU(t, "echo $$ >"+pidFile+"; exec sleep 60")
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := m.Run(ctx, guest.Job{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 3*time.Second {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
	waitGone(t, pidFile)
}

// Whatever kills this program, QEMU does not outlive it.
func TestKilledParentLeavesNoQEMU(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	m := fakeQEMU(t, "echo $$ >"+pidFile+"; exec sleep 60")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), parentEnv+"="+m.Kernel.Image, parentEnv+"_PROGRAM="+m.Executable)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if b, err := os.ReadFile(pidFile); err == nil && len(b) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	waitGone(t, pidFile)
}

// waitGone waits until the process whose number is in the file has ended.
func waitGone(t *testing.T, pidFile string) {
	t.Helper()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		// A zombie has ended; who inherited it may take its time to reap it.
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Errorf("process %d is still there", pid)
}
