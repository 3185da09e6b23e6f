package guest

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Port is a serial port of a guest.
type Port struct {
	Name         string // below /dev, and after console= of the kernel's parameters
	major, minor uint32
}

func (p Port) path() string { return "/dev/" + p.Name }

// Ports are the serial ports of a guest.
type Ports struct {
	Console Port
	Results Port
}

// PortsOf returns the ports of a guest of the architecture arch (as GOARCH). On amd64 both
// are of the PC. QEMU's board for arm64 has one, of another kind; the other is on the PCI bus.
func PortsOf(arch string) Ports {
	if arch == "arm64" {
		return Ports{Console: Port{"ttyAMA0", 204, 64}, Results: Port{"ttyS0", 4, 64}}
	}
	return Ports{Console: Port{"ttyS0", 4, 64}, Results: Port{"ttyS1", 4, 65}}
}

// ports are those of this guest.
var ports = PortsOf(runtime.GOARCH)

// resultsPort is the port of the results.
var resultsPort = ports.Results.path()

// openPort opens a serial port in raw mode.
func openPort(path string) (*os.File, error) {
	// Not os.OpenFile: it would make the descriptor non-blocking, and the
	// port's buffer has 4 KiB.
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open serial port %s for the results: %w", path, err)
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open serial port %s for the results: %w", path, err)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set serial port %s to raw: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}

// drain waits until the last byte has left the port: TCSBRK with an argument is
// tcdrain(3). It is repeated on EINTR: Go's scheduler interrupts long system calls.
func drain(port *os.File) error {
	for {
		err := unix.IoctlSetInt(int(port.Fd()), unix.TCSBRK, 1)
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return fmt.Errorf("hand out results: %w", err)
		}
	}
}
