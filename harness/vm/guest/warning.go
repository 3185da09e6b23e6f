package guest

import (
	"errors"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// KernelWarns begins the report of a warning of the kernel.
const KernelWarns = "the kernel warns: "

// MaxWarnings is the number of warnings of a guest that are shown; its console has all.
const MaxWarnings = 5

// taintWarn is set in kernel.tainted by a WARN() (Documentation/admin-guide/tainted-kernels.rst).
const taintWarn = 1 << 9

// kernelWarnings returns the first lines of the warnings that the kernel printed since
// it was booted. They are missing on the console, because the parameter quiet
// excludes their level.
func kernelWarnings() []string {
	text, err := os.ReadFile("/proc/sys/kernel/tainted")
	if err != nil {
		return nil
	}
	if tainted, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64); err != nil || tainted&taintWarn == 0 {
		return nil
	}
	var found []string
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(fd)
		record := make([]byte, 8<<10) // PRINTK_MESSAGE_MAX is 2 KiB
		for {
			n, err := unix.Read(fd, record)
			if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.EINTR) {
				continue // EPIPE: a record was overwritten meanwhile
			}
			if err != nil || n <= 0 {
				break
			}
			_, message, _ := strings.Cut(string(record[:n]), ";")
			message, _, _ = strings.Cut(message, "\n")
			if strings.HasPrefix(message, "WARNING: ") && len(found) < MaxWarnings {
				found = append(found, message)
			}
		}
	}
	if len(found) == 0 {
		found = append(found, "WARNING: its text is gone; kernel.tainted says that there was one")
	}
	return found
}
