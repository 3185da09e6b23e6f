package peer

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Main runs the peer, and does not return, in the process that a guest's Init has
// started for it. In any other process it does nothing.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != Command || os.Getppid() != 1 {
		return
	}
	text, err := os.ReadFile(ConfigPath)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = serve(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve answers what the host asks until the host asks no more.
func serve(text []byte) error {
	var c Config
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read %s: %w", ConfigPath, err)
	}
	// Workers hold a processor of the scheduler each, and make raw system calls, which the
	// garbage collector would wait for.
	const spare = 4
	runtime.GOMAXPROCS(c.Receive + c.Send + spare)
	debug.SetGCPercent(-1)
	if err := stepAside(); err != nil {
		return err
	}
	port, err := openPort()
	if err != nil {
		return err
	}
	defer port.Close()
	out := json.NewEncoder(port)
	w, err := open(c)
	if err != nil {
		return err
	}
	if err := out.Encode(w.sample(0)); err != nil {
		return err
	}
	asked := bufio.NewScanner(port)
	for asked.Scan() {
		var (
			id   int
			word string
		)
		if _, err := fmt.Sscan(asked.Text(), &id, &word); err != nil {
			return fmt.Errorf("the host asked %q: want a number and a word", asked.Text())
		}
		a, err := w.do(id, word)
		if err != nil {
			a.ID, a.Error = id, err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
		if word == Finish {
			return err
		}
	}
	return asked.Err()
}

// openPort opens the port that the host gave the name Port.
func openPort() (*os.File, error) {
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return nil, fmt.Errorf("list the ports of the guest: %w", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil || strings.TrimSpace(string(text)) != Port {
			continue
		}
		port, err := os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(name))), os.O_RDWR, 0)
		if err != nil {
			return nil, fmt.Errorf("open the port to the host: %w", err)
		}
		return port, nil
	}
	return nil, fmt.Errorf("the guest has no virtio-serial port %q: has its kernel virtio_console?", Port)
}
