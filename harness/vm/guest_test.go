package vm

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"

	"golang.org/x/sys/unix"
)

// inGuest is what the test binary does as a command in a guest.
func inGuest(args []string) int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	switch strings.Join(args, " ") {
	case "look":
		release, err := os.ReadFile("/proc/sys/kernel/osrelease")
		if err != nil {
			return fail(err)
		}
		flags, err := os.ReadFile("/sys/class/net/lo/flags")
		if err != nil {
			return fail(err)
		}
		fmt.Printf("%s lo %s clock=%s\n", strings.TrimSpace(string(release)), strings.TrimSpace(string(flags)), os.Getenv("TUNBENCH_CLOCK"))
		for _, path := range []string{"/sys/kernel/tracing/events", "/sys/module/tun", "/dev/net/tun", "/sys/kernel/btf/vmlinux"} {
			if _, err := os.Stat(path); err != nil {
				fmt.Println("missing:", path)
			}
		}
		if err := os.WriteFile(guest.OutDir+"/a/b", nil, 0o666); err == nil {
			return fail(errors.New("wrote into a folder that is not there"))
		}
		if err := os.MkdirAll(guest.OutDir+"/a", 0o777); err != nil {
			return fail(err)
		}
		if err := os.WriteFile(guest.OutDir+"/a/b", []byte("\x00\r\n\x11\x13\xff"), 0o666); err != nil {
			return fail(err)
		}
		fmt.Fprintln(os.Stderr, "to stderr")
		return 7
	case "fill disk":
		f, err := os.Create(guest.OutDir + "/big")
		if err != nil {
			return fail(err)
		}
		for block := make([]byte, 1<<20); ; {
			if _, err := f.Write(block); err != nil {
				return fail(errors.Join(err, f.Truncate(10)))
			}
		}
	case "eat memory":
		var kept [][]byte
		for {
			block := make([]byte, 8<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			kept = append(kept, block)
			if len(kept) > 1<<20 {
				return fail(errors.New("no end of memory"))
			}
		}
	case "load broken":
		return fail(insert(brokenModule))
	case "hang":
		time.Sleep(time.Hour)
	case "panic":
		return fail(os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0))
	case "grow and oops":
		g, err := guest.Grow(guest.OutDir + "/run.jsonl")
		if err != nil || g == nil {
			return fail(fmt.Errorf("hand out: %v, %w", g, err))
		}
		for _, text := range []string{"one\n", "one\ntwo\n"} {
			if err := os.WriteFile(guest.OutDir+"/run.jsonl", []byte(text), 0o666); err != nil {
				return fail(err)
			}
			if err := g.Send(); err != nil {
				return fail(err)
			}
		}
		// It kills this process, and no other: without oops=panic Init goes on.
		return fail(insert(brokenModule))
	}
	return fail(fmt.Errorf("unknown command %q", args))
}

// insert loads a module.
func insert(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), "", 0)
}

// brokenModule is a file in the guest whose init function is no instruction.
const brokenModule = "/broken.ko"

// breakModule puts an invalid opcode where a function of a module begins, behind
// the place that ftrace wants to change, or, with site, breaks that place: then
// the kernel warns when it loads the module.
func breakModule(t *testing.T, ko []byte, function string, site bool) []byte {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name != function {
			continue
		}
		at := f.Sections[s.Section].Offset + s.Value
		if bytes.HasPrefix(ko[at:], []byte("\xf3\x0f\x1e\xfa")) { // endbr64
			at += 4
		}
		broken := unsigned(bytes.Clone(ko))
		if ko[at] != 0xe8 { // call __fentry__
			t.Fatalf("%s of the module begins with %#x", function, ko[at])
		}
		if site {
			broken[at] = 0x90
		} else {
			copy(broken[at+5:], "\x0f\x0b") // ud2
		}
		return broken
	}
	t.Fatalf("the module has no %s", function)
	return nil
}

// unsigned cuts the signature off a module: one that is there and wrong is
// refused, one that is not there only taints the kernel (struct module_signature
// of include/linux/module_signature.h).
func unsigned(ko []byte) []byte {
	const magic = "~Module signature appended~\n"
	body, ok := bytes.CutSuffix(ko, []byte(magic))
	if !ok || len(body) < 12 {
		return ko
	}
	length := int(binary.BigEndian.Uint32(body[len(body)-4:]))
	return body[:len(body)-12-length]
}

// bootable returns a machine with the newest cached kernel of series, in which
// the test binary is init.
func bootable(t *testing.T, series string) Machine {
	t.Helper()
	if testing.Short() {
		t.Skip("boots a guest, which -short leaves out; make test does")
	}
	lack := t.Skipf
	if os.Getenv("CI") == "true" {
		lack = t.Fatalf
	}
	k, remove, err := kernel.Find(series, "")
	if err != nil {
		lack("needs a kernel: %v", err)
	}
	if _, err := FindQEMU(k.Arch); err != nil {
		lack("%v; scripts/setup.sh guest installs it", err)
	}
	t.Cleanup(func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckStatic(self, k.Arch); err != nil {
		// Built with cgo, as go test does where it finds a C compiler.
		static := filepath.Join(t.TempDir(), "guest")
		build := exec.Command("go", "test", "-c", "-o", static, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			lack("needs a static test binary (CGO_ENABLED=0): %v\n%s", err, out)
		}
		self = static
	}
	return Machine{Kernel: k, Accel: TCG, MemoryMiB: 512, Timeout: 90 * time.Second, Executable: self, Log: func(s string) { t.Log(s) }}
}

func TestGuest(t *testing.T) {
	for _, test := range []struct {
		series string
		icount bool
	}{{"6.1", false}, {"6.12", true}} {
		t.Run(test.series, func(t *testing.T) {
			m := bootable(t, test.series)
			m.ICount = test.icount
			m.Append = "loglevel=4"
			r, err := m.Run(context.Background(), guest.Job{Commands: [][]string{{"look"}, {"fill", "disk"}, {"nonsense"}}})
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("up after %v, results took %v", r.BootTime, r.Transfer)
			if len(r.Commands) != 3 {
				t.Fatalf("commands: %+v", r.Commands)
			}
			clock := ""
			if test.icount {
				clock = "icount"
			}
			c := r.Commands[0]
			if want := m.Kernel.Release + " lo 0x9 clock=" + clock + "\n"; string(c.Stdout) != want || c.Exit != 7 || string(c.Stderr) != "to stderr\n" {
				t.Errorf("look: exit %d, stdout %q, stderr %q, want stdout %q", c.Exit, c.Stdout, c.Stderr, want)
			}
			if got := string(r.Files["a/b"]); got != "\x00\r\n\x11\x13\xff" {
				t.Errorf("the file arrived as %q", got)
			}
			if c := r.Commands[1]; c.Exit != 2 || !strings.Contains(string(c.Stderr), "no space left on device") {
				t.Errorf("fill disk: exit %d, stderr %q", c.Exit, c.Stderr)
			}
			if len(r.Files["big"]) != 10 {
				t.Errorf("the big file has %d bytes", len(r.Files["big"]))
			}
			if r.Commands[2].Exit != 2 || !strings.Contains(r.Console, "to stderr") {
				t.Errorf("nonsense: %+v, console:\n%s", r.Commands[2], r.Console)
			}
		})
	}
}

func TestGuestFaults(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		m := bootable(t, "6.1")
		m.MemoryMiB = 192
		var notices []string
		m.Log = func(s string) { notices = append(notices, s) }
		r, err := m.Run(context.Background(), guest.Job{Commands: [][]string{{"eat", "memory"}, {"look"}}})
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Commands[0]; c.Exit != 128+9 || c.Error != "killed by SIGKILL" {
			t.Errorf("eat memory: %+v", c)
		}
		if r.Commands[1].Exit != 7 {
			t.Errorf("the next command: %+v", r.Commands[1])
		}
		if s := strings.Join(notices, "\n"); !strings.Contains(s, "ran out of its 192 MiB of memory (--memory)") {
			t.Errorf("notices: %s", s)
		}
	})
	for name, test := range map[string]struct {
		command, append string
		timeout         time.Duration
		want            string
	}{
		"oops":    {"panic", "", time.Minute, "the kernel gave up: Kernel panic - not syncing"},
		"no init": {"look", "rdinit=/none root=/none", time.Minute, "the kernel gave up: Kernel panic - not syncing: VFS"},
		"hang":    {"hang", "", 15 * time.Second, "the guest was not done after 15s (--timeout)"},
	} {
		t.Run(name, func(t *testing.T) {
			m := bootable(t, "6.12")
			m.Append, m.Timeout = test.append, test.timeout
			_, err := m.Run(context.Background(), guest.Job{Commands: [][]string{strings.Fields(test.command)}})
			var failed *BootError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "\n  | ") {
				t.Errorf("%v\nwant %q and lines of the console", err, test.want)
			}
		})
	}
	// An oops in a process that is not init is an error at once, with its headline,
	// and what the guest had handed out is kept.
	for _, series := range []string{"6.1", "6.12"} {
		t.Run("oops in a command, "+series, func(t *testing.T) {
			m := bootable(t, series)
			tree, err := kernel.ReadModules(m.Kernel.Modules)
			if err != nil {
				t.Fatal(err)
			}
			dummy, err := tree.Read("dummy")
			if err != nil {
				t.Fatal(err)
			}
			kept := &memory{}
			m.Keep = kept
			begin := time.Now()
			_, err = m.Run(context.Background(), guest.Job{
				Commands: [][]string{{"grow", "and", "oops"}, {"look"}},
				Files:    map[string][]byte{brokenModule: breakModule(t, dummy, "init_module", false)},
			})
			var failed *BootError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), "the kernel gave up: ") || !strings.Contains(err.Error(), "invalid opcode: 0000 [#1]") ||
				!strings.Contains(err.Error(), "(Kernel panic - not syncing: Fatal exception") {
				t.Errorf("after %v: %v", time.Since(begin), err)
			}
			if kept.files["run.jsonl"] != "one\ntwo\n" || len(kept.lines) < 10 {
				t.Errorf("kept %q, and %d lines of the console", kept.files, len(kept.lines))
			}
		})
	}
	// A warning of the kernel is told, and no failure.
	t.Run("warning", func(t *testing.T) {
		m := bootable(t, "6.12")
		tree, err := kernel.ReadModules(m.Kernel.Modules)
		if err != nil {
			t.Fatal(err)
		}
		dummy, err := tree.Read("dummy")
		if err != nil {
			t.Fatal(err)
		}
		var notices []string
		m.Log = func(s string) { notices = append(notices, s) }
		r, err := m.Run(context.Background(), guest.Job{
			Commands: [][]string{{"load", "broken"}, {"look"}},
			Files:    map[string][]byte{brokenModule: breakModule(t, dummy, "dummy_xmit", true)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Commands[1].Exit != 7 || !strings.Contains(strings.Join(notices, "\n"), "guest: the kernel warns: WARNING: CPU: ") {
			t.Errorf("%+v, notices %q", r.Commands, notices)
		}
	})
	// The last console= is /dev/console; Init prints where the host reads.
	t.Run("console=tty0", func(t *testing.T) {
		m := bootable(t, "6.12")
		m.Append = "console=tty0"
		r, err := m.Run(context.Background(), guest.Job{Commands: [][]string{{"look"}}})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Commands) != 1 || r.Commands[0].Exit != 7 || !strings.Contains(r.Console, "to stderr") {
			t.Errorf("%+v, console:\n%s", r.Commands, r.Console)
		}
	})
	// No modules is not no TUN.
	t.Run("no modules", func(t *testing.T) {
		m := bootable(t, "6.12")
		k := *m.Kernel
		k.Modules, k.Config = "", ""
		m.Kernel = &k
		_, err := m.Run(context.Background(), guest.Job{Commands: [][]string{{"look"}}})
		if err == nil || !strings.Contains(err.Error(), "in the guest: no modules were given with this kernel, and TUN is not built in") || !strings.Contains(err.Error(), kernel.GiveModules) {
			t.Errorf("%v", err)
		}
	})
	t.Run("bad module", func(t *testing.T) {
		m := bootable(t, "6.12")
		other := bootable(t, "6.1")
		k := *m.Kernel
		k.Modules, k.Config = other.Kernel.Modules, ""
		m.Kernel = &k
		_, err := m.Run(context.Background(), guest.Job{Commands: [][]string{{"look"}}})
		if err == nil || !strings.Contains(err.Error(), "in the guest: load module tun: exec format error (ENOEXEC)") {
			t.Errorf("modules of another kernel: %v", err)
		}
	})
}
