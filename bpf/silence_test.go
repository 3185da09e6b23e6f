package bpf

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// TestSilent holds which programs have not run by what they did not count.
func TestSilent(t *testing.T) {
	all := Queue{XmitPkts: 1, ReadPkts: 1, ReadCalls: 1, RecvPkts: 1}
	deaf := Queue{ReadPkts: 1, RecvPkts: 1} // as under kernel.ftrace_enabled=0
	for _, c := range []struct {
		hook  Hook
		queue Queue
		want  []string
	}{
		{Kprobe, all, nil},
		{Fentry, all, nil},
		{Tracepoint, Queue{XmitPkts: 1, ReadPkts: 1, RecvPkts: 1}, nil},
		{Kprobe, deaf, []string{FuncXmit, FuncRead}},
		{Fentry, deaf, []string{FuncXmit, FuncRead}},
		{Tracepoint, deaf, []string{"net_dev_start_xmit"}},
		{Kprobe, Queue{XmitPkts: 1, ReadPkts: 1, RecvPkts: 1}, []string{FuncRead}},
		{Tracepoint, Queue{}, []string{"net_dev_start_xmit", "skb_copy_datagram_iovec", "netif_receive_skb_entry"}},
	} {
		s := Snapshot{Queues: []Queue{{}, c.queue}}
		if got := s.Silent(c.hook); !slices.Equal(got, c.want) {
			t.Errorf("%s %+v: %v, want %v", c.hook, c.queue, got, c.want)
		}
	}
	if err := Silence(Kprobe, []string{FuncXmit}); err.Hook != Kprobe || !strings.Contains(err.Reason, FuncXmit) || err.Err == nil {
		t.Errorf("%+v", err)
	}
}

// files are those of a kernel, by path.
type files map[string]string

func (f files) read(path string) string { return f[path] }

func TestSwitchedOff(t *testing.T) {
	for _, c := range []struct {
		hook  Hook
		files files
		want  string
	}{
		{Kprobe, files{"/proc/sys/kernel/ftrace_enabled": "0"}, "kernel.ftrace_enabled"},
		{Fentry, files{"/proc/sys/kernel/ftrace_enabled": "0"}, "kernel.ftrace_enabled"},
		{Tracepoint, files{"/proc/sys/kernel/ftrace_enabled": "0"}, ""},
		{Kprobe, files{"/proc/sys/kernel/ftrace_enabled": "1"}, ""},
		{Kprobe, files{"/sys/kernel/debug/kprobes/enabled": "0"}, "kprobes are switched off"},
		{Kprobe, files{"/sys/kernel/debug/kprobes/enabled": "1"}, ""},
		{Fentry, files{"/sys/kernel/debug/kprobes/enabled": "0"}, ""},
		{Kprobe, nil, ""},
	} {
		if got := switchedOff(c.hook, c.files.read); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s %v: %q, want %q", c.hook, c.files, got, c.want)
		}
	}
}

func TestLockdown(t *testing.T) {
	const file, cmdline = "/sys/kernel/security/lockdown", "/proc/cmdline"
	for _, c := range []struct {
		files files
		want  string
	}{
		{nil, ""},
		{files{file: "[none] integrity confidentiality"}, ""},
		{files{file: "none [integrity] confidentiality"}, "integrity"},
		{files{file: "none integrity [confidentiality]"}, "confidentiality"},
		{files{file: "[none] integrity confidentiality", cmdline: "lockdown=confidentiality"}, ""},
		{files{cmdline: "quiet lockdown=confidentiality panic=-1"}, "confidentiality"},
		{files{cmdline: "quiet panic=-1"}, ""},
	} {
		if got := lockdown(c.files.read); got != c.want {
			t.Errorf("%v: %q, want %q", c.files, got, c.want)
		}
	}
}

// TestExplainNames holds that what can be named is.
func TestExplainNames(t *testing.T) {
	if noBTF() {
		t.Skip("this kernel has no type information, which comes before all other reasons")
	}
	locked := files{"/sys/kernel/security/lockdown": "none integrity [confidentiality]"}
	kprobe, fentry, tracepoint := xmitPrograms[Kprobe][0], xmitPrograms[Fentry][0], xmitPrograms[Tracepoint][0]
	refused := &ebpf.VerifierError{Cause: unix.EINVAL, Log: []string{"program of this type cannot use helper bpf_probe_read_kernel#113"}}
	for _, c := range []struct {
		hook       Hook
		program    Program
		err        error
		privileged bool
		files      files
		want       string
	}{
		{Kprobe, kprobe, unix.EPERM, true, locked, "lockdown=confidentiality), which forbids kprobes"},
		{Fentry, fentry, refused, true, locked, "lockdown=confidentiality), which forbids BPF programs to read"},
		{Tracepoint, tracepoint, refused, true, locked, "lockdown=confidentiality"},
		{Tracepoint, tracepoint, refused, true, nil, "the verifier refused tp_xmit"},
		{Tracepoint, tracepoint, refused, true, files{"/sys/kernel/security/lockdown": "none [integrity] confidentiality"}, "the verifier refused tp_xmit"},
		{Tracepoint, tracepoint, unix.EPERM, false, locked, "CAP_BPF and CAP_PERFMON"},
		{Tracepoint, tracepoint, unix.EACCES, false, files{"/proc/sys/kernel/perf_event_paranoid": "3"}, "kernel.perf_event_paranoid is 3"},
		{Fentry, fentry, unix.EPERM, true, nil, "EPERM"},
		{Fentry, fentry, unix.EINVAL, true, files{"/proc/sys/kernel/ftrace_enabled": "0"}, "kernel.ftrace_enabled is 0"},
	} {
		err := explainBy(c.hook, c.program, fmt.Errorf("attach: %w", c.err), c.privileged, c.files.read)
		if !strings.Contains(err.Reason, c.want) || !errors.Is(err, c.err) {
			t.Errorf("%s, %v, %v: %q, want %q", c.program.Name, c.err, c.files, err.Reason, c.want)
		}
	}
	black := files{"/sys/kernel/debug/kprobes/blacklist": "0xffffffff81000000-0xffffffff81000010\ttun_net_xmit\n"}
	for _, function := range []string{FuncXmit, FuncRead} {
		if got := blacklisted(function, black.read); got != (function == FuncXmit) {
			t.Errorf("%s is blacklisted: %v", function, got)
		}
	}
}

// TestWithoutBTF opens the observer where the kernel's type information is hidden.
func TestWithoutBTF(t *testing.T) {
	needRoot(t)
	const child = "TUNBENCH_HIDE_BTF"
	if os.Getenv(child) == "" {
		cmd := exec.Command(os.Args[0], "-test.v", "-test.run", "^TestWithoutBTF$")
		cmd.Env = append(os.Environ(), child+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	// Of this process alone: its mounts are private.
	if err := unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", "/sys/kernel/btf", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	for _, h := range Hooks {
		var hook *HookError
		if err := Try(h, Both); !errors.As(err, &hook) || hook.Hook != h || !strings.Contains(hook.Reason, "CONFIG_DEBUG_INFO_BTF") {
			t.Errorf("%s: %v does not say what is missing", h, err)
		}
	}
}
