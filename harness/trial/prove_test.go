package trial

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestHooksAreProven holds that a hook that this kernel has counts the packets
// of its proof, GSO or not, and that nothing is left of it.
func TestHooksAreProven(t *testing.T) {
	needRoot(t)
	held := false
	for _, h := range bpf.Hooks {
		var hook *bpf.HookError
		for _, gso := range []bool{false, true} {
			switch err := doctor.ProveOn(h, gso); {
			case err == nil:
				held = true
			case !errors.As(err, &hook):
				t.Errorf("%s: %v", h, err)
			default:
				t.Log(err)
			}
		}
	}
	if !held {
		t.Error("no hook holds, and each kernel has tracepoints")
	}
}

// TestSelectHook takes the first hook that holds, and says of a forced one why it
// does not.
func TestSelectHook(t *testing.T) {
	needRoot(t)
	auto, err := doctor.SelectHook(record.HookAuto)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range auto.PassedOver {
		if p.Hook != string(bpf.Hooks[i]) || p.Reason == "" {
			t.Errorf("passed over %+v", auto.PassedOver)
		}
		if forced, err := doctor.SelectHook(p.Hook); err == nil || !strings.Contains(err.Error(), p.Reason) || forced.Used != string(bpf.None) {
			t.Errorf("--hook %s: %+v, %v; auto says %s", p.Hook, forced, err, p.Reason)
		}
	}
	if auto.Used != string(bpf.Hooks[len(auto.PassedOver)]) {
		t.Errorf("%+v", auto)
	}
	if forced, err := doctor.SelectHook(auto.Used); err != nil || forced.Used != auto.Used {
		t.Errorf("--hook %s: %+v, %v", auto.Used, forced, err)
	}
}

// TestHooksThatNeverRun has kernels that attach programs and never run them.
func TestHooksThatNeverRun(t *testing.T) {
	for _, c := range []struct {
		file, off, on string
		silent        []bpf.Hook
		names         string
	}{
		{"/proc/sys/kernel/ftrace_enabled", "0", "1", []bpf.Hook{bpf.Kprobe, bpf.Fentry}, "kernel.ftrace_enabled"},
		{"/sys/kernel/debug/kprobes/enabled", "0", "1", []bpf.Hook{bpf.Kprobe}, "/sys/kernel/debug/kprobes/enabled"},
	} {
		t.Run(filepath.Base(c.file), func(t *testing.T) {
			if !inGuest() {
				t.Skip("would switch hooks off for the whole host; runs in guests")
			}
			for _, h := range bpf.Hooks {
				if err := doctor.Prove(h); err != nil {
					t.Fatalf("%s: %v", h, err) // in each guest all hold
				}
			}
			set := func(value string) {
				if err := os.WriteFile(c.file, []byte(value), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			set(c.off)
			auto, err := doctor.SelectHook(record.HookAuto)
			if err != nil {
				t.Error(err)
			}
			if auto.Used != string(bpf.Hooks[len(c.silent)]) || len(auto.PassedOver) != len(c.silent) {
				t.Errorf("auto took %s, passed over %+v", auto.Used, auto.PassedOver)
			}
			rows := doctorRows(t, doctor.SectionObserver)
			for i, h := range c.silent {
				if p := auto.PassedOver[i]; p.Hook != string(h) || !strings.Contains(p.Reason, c.names) {
					t.Errorf("%+v does not name %s", p, c.names)
				}
				if _, err := doctor.SelectHook(string(h)); err == nil || !strings.Contains(err.Error(), c.names) {
					t.Errorf("--hook %s: %v", h, err)
				}
				if rows[i].Status != doctor.StatusUnsupported || !strings.Contains(rows[i].Detail, c.names) {
					t.Errorf("doctor: %+v", rows[i])
				}
			}
			if used := rows[len(c.silent)]; used.Status != doctor.StatusUsed {
				t.Errorf("doctor: %+v", used)
			}
			set(c.on)
			for _, h := range bpf.Hooks {
				if err := doctor.Prove(h); err != nil {
					t.Errorf("%s, switched on again: %v", h, err)
				}
			}
		})
	}
}

// TestLockedDown locks a guest's kernel down for good: programs that read kernel
// memory by address are then refused, as those for GSO packets do.
func TestLockedDown(t *testing.T) {
	if !inGuest() {
		t.Skip("would lock the kernel of the whole host down; runs in guests")
	}
	const dir = "/sys/kernel/security"
	if err := unix.Mount("securityfs", dir, "securityfs", 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
		t.Fatal(err)
	}
	gso := short()
	gso.Gen, gso.VnetHdr, gso.Offload, gso.Size = spec.GenPacketGSO, 10, spec.OffloadTSO, 1500
	for _, level := range []string{"integrity", "confidentiality"} {
		if err := os.WriteFile(dir+"/lockdown", []byte(level), 0o644); err != nil {
			t.Fatal(err)
		}
		all := level == "integrity" // all of it still holds
		hook, err := doctor.SelectHook(record.HookAuto)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("lockdown=%s: %+v", level, hook)
		if all != (hook.Used == string(bpf.Kprobe)) || hook.Used == string(bpf.None) {
			t.Errorf("lockdown=%s: auto took %s, passed over %+v", level, hook.Used, hook.PassedOver)
		}
		for _, p := range hook.PassedOver {
			if !strings.Contains(p.Reason, "lockdown=confidentiality") {
				t.Errorf("lockdown=%s: %+v", level, p)
			}
		}
		rows := doctorRows(t, doctor.SectionObserver)
		for i, row := range rows {
			if used := row.Status == doctor.StatusUsed; used != (row.Name == hook.Used) {
				t.Errorf("lockdown=%s: doctor: %+v", level, row)
			}
			if strings.Contains(row.Detail, "lockdown=confidentiality") == all {
				t.Errorf("lockdown=%s: doctor: %+v", level, row)
			}
			if i < len(hook.PassedOver) && row.Status != doctor.StatusUnsupported {
				t.Errorf("lockdown=%s: doctor: %+v", level, row)
			}
		}
		balanced(t, run(t, short(), bpf.Hook(hook.Used)))
		run(t, gso, bpf.None)
		_, err = lab.Run(t.Context(), gso, hook.Used, record.Floor{SyscallNs: 100})
		if all {
			if err != nil {
				t.Errorf("lockdown=%s: %v", level, err)
			}
			continue
		}
		var observer *refusal.Unobservable
		if reason, detail := refusal.Classify(err); !errors.As(err, &observer) || reason != record.Unsupported || !strings.Contains(detail, "lockdown=confidentiality") {
			t.Errorf("lockdown=%s: %v: %s", level, err, reason)
		}
	}
}

// TestObserverIsToBlame holds which errors leave the bare arm alone.
func TestObserverIsToBlame(t *testing.T) {
	needRoot(t)
	s := short()
	s.Gen, s.Bypass = spec.GenPacket, true
	_, err := lab.Run(t.Context(), s, string(bpf.Tracepoint), record.Floor{})
	var observer *refusal.Unobservable
	if reason, _ := refusal.Classify(err); !errors.As(err, &observer) || reason != record.Unsupported {
		t.Errorf("bypass: %v is %s", err, reason)
	}
	if err := lab.Probe(t.Context(), s, string(bpf.Tracepoint)); !errors.As(err, &observer) {
		t.Errorf("bypass: %v", err)
	}
	if err := lab.Probe(t.Context(), s, string(bpf.None)); err != nil {
		t.Error(err)
	}
	if _, err := lab.Run(t.Context(), short(), "uprobe", record.Floor{}); !errors.As(err, &observer) {
		t.Errorf("a hook that cannot attach: %v", err)
	}
	s = short()
	s.Queues = 300
	if _, err := lab.Run(t.Context(), s, string(bpf.Tracepoint), record.Floor{}); err == nil || errors.As(err, &observer) {
		t.Errorf("a device that cannot be made: %v", err)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{&bpf.HookError{Hook: bpf.Fentry, Err: unix.EPERM}, record.Unsupported}, // of root
		{&bpf.HookError{Hook: bpf.Fentry, Err: unix.EINVAL}, record.Unsupported},
		{&bpf.HookError{Hook: bpf.Fentry, Err: unix.EMFILE}, record.Missing},
	} {
		if reason, _ := refusal.Classify(&refusal.Unobservable{Err: c.err}); reason != c.want {
			t.Errorf("%v is %s, want %s", errors.Unwrap(c.err), reason, c.want)
		}
	}
}

// doctorRows are those of a section of doctor's report.
func doctorRows(t *testing.T, title string) []doctor.Row {
	t.Helper()
	report, err := doctor.Examine(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Sections {
		if s.Title == title {
			return s.Rows
		}
	}
	t.Fatalf("doctor has no section %q", title)
	return nil
}
