package vm

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
)

// board is the virtual machine for the kernels of an architecture.
type board struct {
	qemu        string // the program
	packages    string // that have it
	elf         elf.Machine
	machine     map[string]string // value of -machine, by accelerator
	emulated    string            // value of -cpu under TCG
	results     [2]string         // what puts the port of the results on the board
	virtualTime []string          // kernel parameters under icount
	realTime    []string          // kernel parameters under TCG without icount

	// resultsConsole is a kernel parameter by which the kernel would print into the
	// port that carries the results.
	resultsConsole *regexp.Regexp
	// serial is the option of the kernel for its serial console.
	serial string
}

// boards are the virtual machines by architecture (as GOARCH).
var boards = map[string]board{
	"amd64": {
		qemu: "qemu-system-x86_64", packages: "qemu-system-x86 (Debian, Ubuntu) or qemu-system-x86-core (Fedora)", elf: elf.EM_X86_64,
		machine: map[string]string{KVM: "pc,vmport=off", TCG: "pc,vmport=off"}, emulated: "max",
		results: [2]string{"-serial", "chardev:results"}, virtualTime: []string{"tsc=reliable"},
		// On a busy host an emulated timer may miss the kernel's test of it, which ends in a panic.
		realTime:       []string{"no_timer_check"},
		resultsConsole: regexp.MustCompile(`(^|\s|")console=(ttyS1|uart[0-9a-z]*,io,0x2f8)\b`), serial: "CONFIG_SERIAL_8250_CONSOLE",
	},
	"arm64": {
		qemu: "qemu-system-aarch64", packages: "qemu-system-arm (Debian, Ubuntu) or qemu-system-aarch64-core (Fedora)", elf: elf.EM_AARCH64,
		machine: map[string]string{KVM: "virt,gic-version=host", TCG: "virt,gic-version=3"},
		// The architected algorithm of pointer authentication takes half of the time of
		// an emulated kernel; one of the implementation's own is as good here. The timer
		// counts nanoseconds, as the architecture demands since version 8.6: before QEMU 9
		// it counts 16 of them at a time.
		emulated: "max,pauth-impdef=on,cntfrq=1000000000",
		results:  [2]string{"-device", "pci-serial,chardev=results"},
		// By default each system call moves its stack by a random number. The kernel makes
		// these in batches, so that equal blocks of packets differ by more than 0.1 %.
		// (amd64 takes such a number from its clock.)
		virtualTime: []string{"randomize_kstack_offset=off"},
		// On PCI, its address is only known when the kernel has found it.
		resultsConsole: regexp.MustCompile(`(^|\s|")console=ttyS0\b`), serial: "CONFIG_SERIAL_AMBA_PL011_CONSOLE",
	},
}

// Program returns the name of the QEMU that boots kernels of the architecture arch (as
// GOARCH), or "" if there is none.
func Program(arch string) string { return boards[arch].qemu }

// FindQEMU returns the path of the QEMU that boots kernels of the architecture arch (as
// GOARCH). The error says what to install.
func FindQEMU(arch string) (string, error) {
	b := boards[arch]
	path, err := exec.LookPath(b.qemu)
	if err != nil {
		return "", fmt.Errorf("find %s: %w; install %s", b.qemu, errors.Unwrap(err), b.packages)
	}
	return path, nil
}

// guestProgram returns what a guest of the architecture arch runs if it is not told: this
// program or, for another architecture, the build of it that stands beside it.
func guestProgram(arch string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find own executable: %w", err)
	}
	if arch == runtime.GOARCH {
		return self, nil
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	path := filepath.Join(filepath.Dir(self), "tunbench-"+arch)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("a guest for %[1]s runs tunbench for %[1]s, and there is no %[2]s: in a checkout, run make build-%[1]s; else unpack tunbench for %[1]s, and name it with --guest-binary", arch, path)
	}
	return path, nil
}
