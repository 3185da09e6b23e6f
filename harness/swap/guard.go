package swap

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// guardArg is the only argument of a process that is a guard.
	guardArg = "tun-module-guard"
	// guardTries is how long a guard tries to put the original modules back, and
	// guardStarts how long it may take to start.
	guardTries  = 30 * time.Second
	guardStarts = 10 * time.Second

	sayReady = "ready\n"
	sayEnd   = "end\n"
)

// Main puts the original modules back when the process that started this one dies, and
// does not return, in a process that is a guard. In any other it does nothing. It is
// called at the beginning of main.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != guardArg {
		return
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	if err := standBy(os.Stdin, os.Stdout, running); err != nil {
		fmt.Fprintf(os.Stderr, "tunbench: the TUN module: %v; put the original back: %s\n", err, Repair)
		os.Exit(1)
	}
	os.Exit(0)
}

// standBy reads the original modules, and puts them back if in ends without sayEnd.
func standBy(in io.Reader, out io.Writer, sys system) error {
	r := bufio.NewReader(in)
	var original []file
	if err := gob.NewDecoder(r).Decode(&original); err != nil {
		return fmt.Errorf("read the original modules: %w", err)
	}
	if _, err := io.WriteString(out, sayReady); err != nil {
		return err
	}
	if said, _ := io.ReadAll(r); string(said) == sayEnd {
		return nil
	}
	sys.patience = guardTries
	return (&swapper{system: sys, original: original}).exchange(original[0])
}

// guard is a process that restores the original modules if this one dies.
type guard struct {
	cmd *exec.Cmd
	in  io.WriteCloser
}

func startGuard(original []file) (watcher, error) {
	cmd := exec.Command("/proc/self/exe", guardArg)
	cmd.Stderr = os.Stderr
	// Neither a signal from the terminal nor its end is for the guard.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	g := &guard{cmd, in}
	ready := make(chan error, 1)
	go func() {
		err := gob.NewEncoder(in).Encode(original)
		if err == nil {
			var line string
			if line, err = bufio.NewReader(out).ReadString('\n'); err == nil && line != sayReady {
				err = fmt.Errorf("it said %q", strings.TrimSpace(line))
			}
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-time.After(guardStarts):
		err = fmt.Errorf("it was not ready after %v", guardStarts)
	}
	if err != nil {
		err = errors.Join(err, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		return nil, err
	}
	return g, nil
}

// end tells the guard that there is nothing to put back, and waits for its end.
func (g *guard) end() error {
	_, err := io.WriteString(g.in, sayEnd)
	err = errors.Join(err, g.in.Close(), g.cmd.Wait())
	if err != nil {
		return fmt.Errorf("end the guard of the TUN module: %w", err)
	}
	return nil
}
