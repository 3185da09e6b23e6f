package vm

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// value returns what follows flag in QEMU's command line.
func value(args []string, flag string) string {
	if i := slices.Index(args, flag); i >= 0 && i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

// A guest has the board, the CPU, the ports and the kernel parameters of its architecture.
func TestBoards(t *testing.T) {
	for arch, want := range map[string]struct{ machine, cpu, results, console, only string }{
		"amd64": {"pc,vmport=off", "max", "-serial chardev:results", "console=ttyS0", "tsc=reliable"},
		"arm64": {"virt,gic-version=3", "max,pauth-impdef=on,cntfrq=1000000000", "-device pci-serial,chardev=results", "console=ttyAMA0", "randomize_kstack_offset=off"},
	} {
		m := Machine{Kernel: &kernel.Kernel{Image: "vmlinuz", Arch: arch}, Accel: TCG, ICount: true, Executable: "tunbench"}
		if err := m.complete(); err != nil {
			t.Fatal(err)
		}
		args := m.args(TCG, time.Unix(0, 0))
		parameters := strings.Fields(value(args, "-append"))
		if value(args, "-machine") != want.machine || value(args, "-cpu") != want.cpu || value(args, "-kernel") != "vmlinuz" ||
			!strings.Contains(strings.Join(args, " "), want.results) || parameters[0] != want.console {
			t.Errorf("%s: %q", arch, args)
		}
		for _, only := range []string{"tsc=reliable", "randomize_kstack_offset=off"} {
			if slices.Contains(parameters, only) != (only == want.only) {
				t.Errorf("%s: parameters %q", arch, parameters)
			}
		}
		m.ICount = false
		if emulated := strings.Fields(value(m.args(TCG, time.Unix(0, 0)), "-append")); slices.Contains(emulated, "no_timer_check") != (arch == "amd64") ||
			slices.Contains(parameters, "no_timer_check") {
			t.Errorf("%s: parameters %q, in real time %q", arch, parameters, emulated)
		}
		m.ICount = true
		for append, ok := range map[string]bool{"console=ttyS0": arch != "arm64", "console=ttyS1": arch != "amd64", "console=tty0": true} {
			m.Append = append
			if err := m.complete(); (err == nil) != ok || !ok && !strings.Contains(err.Error(), "leave out "+append) {
				t.Errorf("%s with %s: %v", arch, append, err)
			}
		}
	}
	m := Machine{Kernel: &kernel.Kernel{Image: "vmlinuz", Release: "6.12", Arch: "riscv64"}}
	if err := m.complete(); err == nil || !strings.Contains(err.Error(), "no virtual machine for riscv64") {
		t.Errorf("%v", err)
	}
	if _, err := FindQEMU("arm64"); err != nil && !strings.Contains(err.Error(), "install qemu-system-arm") {
		t.Errorf("%v", err)
	}
}

// KVM runs no kernel of another architecture: auto knows without a boot, and it is an
// error to ask for it.
func TestForeignKernelsAreEmulated(t *testing.T) {
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	m := Machine{Kernel: &kernel.Kernel{Arch: foreign}, Accel: Auto, Log: func(string) {}}
	if accel, passedOver, err := m.choose(); accel != TCG || !strings.Contains(passedOver, "the kernel is for "+foreign) || err != nil {
		t.Errorf("%s, %q, %v", accel, passedOver, err)
	}
	m.Accel = KVM
	if _, _, err := m.choose(); err == nil || !strings.Contains(err.Error(), "--accel kvm: this host is "+runtime.GOARCH) {
		t.Errorf("%v", err)
	}
}

// A guest of this architecture runs this program, a foreign one the build beside it.
func TestGuestProgram(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := guestProgram(runtime.GOARCH); got != self || err != nil {
		t.Errorf("%s, %v, want %s", got, err, self)
	}
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	m := Machine{Kernel: &kernel.Kernel{Image: "vmlinuz", Release: "6.12", Arch: foreign}}
	if _, err := m.Run(context.Background(), guest.Job{}); err == nil || !strings.Contains(err.Error(), "run make build-"+foreign) || !strings.Contains(err.Error(), "--guest-binary") {
		t.Errorf("%v", err)
	} else if early := m.Check(); early == nil || early.Error() != err.Error() {
		t.Errorf("Check: %v, Run: %v", early, err)
	}
	beside := filepath.Join(filepath.Dir(self), "tunbench-"+foreign)
	write(t, beside, nil)
	defer os.Remove(beside)
	if got, err := guestProgram(foreign); filepath.Base(got) != "tunbench-"+foreign || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
