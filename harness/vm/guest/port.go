package guest

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	consolePort = "/dev/ttyS0" // the first serial port
	resultsPort = "/dev/ttyS1" // the second one
)

// openPort opens the serial port of the results in raw mode.
func openPort(path string) (*os.File, error) {
	f, err := openRaw(path, unix.O_WRONLY)
	if err != nil {
		return nil, fmt.Errorf("open serial port %s for the results: %w", path, err)
	}
	return f, nil
}

// Input opens what the host sends to the console, byte by byte and without an echo.
func Input() (*os.File, error) {
	f, err := openRaw(consolePort, unix.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("open serial port %s for what the host asks: %w", consolePort, err)
	}
	return f, nil
}

func openRaw(path string, mode int) (*os.File, error) {
	// Not os.OpenFile: it would make the descriptor non-blocking, and the
	// port's buffer has 4 KiB.
	fd, err := unix.Open(path, mode|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set to raw: %w", err)
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
