package guest

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// resultsPort is the second serial port.
const resultsPort = "/dev/ttyS1"

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
