package program

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A program runs in a PID namespace of its own, whose first process is this binary once
// more. When that process ends, by whatever signal, the kernel kills all others of the
// namespace: so nothing outlives tunbench, also not what has forked away. It ends when
// the program does, and when its control pipe is closed, as it is when tunbench ends.

const (
	// initName is the name by which this binary is told to be such a first process.
	initName = "tunbench-program"
	// Descriptors of that process besides the standard ones.
	statusFD  = 3 // what happened, a line each
	controlFD = 4 // numbers of signals, a line each
	// retryAfter is the pause before a command is tried again.
	retryAfter = 50 * time.Millisecond
)

// order is what the first process is told to run.
type order struct {
	Command []string   `json:"command"`
	After   [][]string `json:"after,omitempty"`
	Private []string   `json:"private,omitempty"`
	Dir     string     `json:"dir"` // the temporary folder
}

// status is a line that the first process writes.
type status struct {
	Failed    string `json:"failed,omitempty"`  // why the program could not be started
	Started   int    `json:"started,omitempty"` // PID of the program in its namespace
	Ended     string `json:"ended,omitempty"`   // how it ended
	Clean     bool   `json:"clean,omitempty"`   // with exit status 0
	Left      bool   `json:"left,omitempty"`    // other processes still ran then
	Waiting   string `json:"waiting,omitempty"` // why a command of After does not succeed yet
	AfterDone bool   `json:"after_done,omitempty"`
}

// init turns this process into the first one of a PID namespace if it was started as
// such. No other process has this name and number.
func init() {
	if len(os.Args) == 2 && os.Args[0] == initName && os.Getpid() == 1 {
		serve(os.Args[1])
		os.Exit(0)
	}
}

// serve runs a program and returns when it has ended.
func serve(text string) {
	unix.CloseOnExec(statusFD)
	unix.CloseOnExec(controlFD)
	// A signal that is meant for the whole session must not end this process first.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	r := &reaper{status: json.NewEncoder(os.NewFile(statusFD, "status")), ended: map[int]chan syscall.WaitStatus{}}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = hide(o.Private)
	}
	var pid int
	var done <-chan syscall.WaitStatus
	if err == nil {
		pid, done, err = r.start(o.Command, 1)
	}
	if err != nil {
		r.tell(status{Failed: err.Error()})
		return
	}
	r.tell(status{Started: pid})
	go control(pid, o.Dir)
	go r.reap()
	go r.after(o.After)
	ws := <-done
	s := status{Ended: words(ws), Clean: ws.Exited() && ws.ExitStatus() == 0, Left: r.left()}
	r.tell(s)
}

// words say how a process ended.
func words(ws syscall.WaitStatus) string {
	if ws.Signaled() {
		return "was ended by " + unix.SignalName(ws.Signal())
	}
	return fmt.Sprintf("ended with exit status %d", ws.ExitStatus())
}

// hide lays an empty file system over each folder. It is seen in this mount namespace
// only.
func hide(folders []string) error {
	if len(folders) == 0 {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	for _, folder := range folders {
		if err := unix.Mount("tmpfs", folder, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
			return fmt.Errorf("private: give the program a %s of its own: %w", folder, err)
		}
	}
	return nil
}

// control passes signals on to the group of the program, until the pipe is closed: then
// tunbench is no more, and cannot remove the temporary folder.
func control(pid int, dir string) {
	lines := bufio.NewScanner(os.NewFile(controlFD, "control"))
	for lines.Scan() {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			_ = unix.Kill(-pid, syscall.Signal(n)) // it may have ended
		}
	}
	_ = unix.Kill(-pid, unix.SIGKILL)
	_ = os.RemoveAll(dir) // there is nobody to tell
	os.Exit(0)
}

// reaper waits for all processes of the namespace.
type reaper struct {
	status *json.Encoder
	mu     sync.Mutex // guards status and ended
	ended  map[int]chan syscall.WaitStatus
}

func (r *reaper) tell(s status) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.status.Encode(s) // whom nobody hears ends by the control pipe
}

// start starts a command in a process group of its own, with no input. Its output goes
// to the descriptor out, and its errors with it.
func (r *reaper) start(command []string, out uintptr) (int, <-chan syscall.WaitStatus, error) {
	path, err := exec.LookPath(command[0])
	if err != nil {
		return 0, nil, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(path, command, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{null.Fd(), out, out}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return 0, nil, fmt.Errorf("%s: %w", path, err)
	}
	done := make(chan syscall.WaitStatus, 1)
	r.ended[pid] = done
	return pid, done, nil
}

// reap takes the status of whatever ends.
func (r *reaper) reap() {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD): // but another command may follow
			time.Sleep(time.Millisecond)
		case err == nil:
			r.mu.Lock()
			if done, ok := r.ended[pid]; ok {
				delete(r.ended, pid)
				done <- ws
			}
			r.mu.Unlock()
		}
	}
}

// left reports whether processes still run that the program left behind. They have
// become children of this one.
func (r *reaper) left() bool {
	children, err := childrenOf("self")
	r.mu.Lock()
	defer r.mu.Unlock()
	return err == nil && len(children) > len(r.ended)
}

// after runs commands until each has succeeded once.
func (r *reaper) after(commands [][]string) {
	told := ""
	for _, command := range commands {
		for {
			text, err := r.try(command)
			if err == nil {
				break
			}
			text = strings.TrimSpace(fmt.Sprintf("%s: %v: %s", strings.Join(command, " "), err, text))
			if text != told {
				r.tell(status{Waiting: text})
				told = text
			}
			time.Sleep(retryAfter)
		}
	}
	r.tell(status{AfterDone: true})
}

// try runs a command and returns the beginning of what it printed.
func (r *reaper) try(command []string) (string, error) {
	in, out, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer in.Close()
	_, done, err := r.start(command, out.Fd())
	out.Close()
	if err != nil {
		return "", err
	}
	const most = 300
	text, _ := io.ReadAll(io.LimitReader(in, most))
	in.Close()
	if ws := <-done; !ws.Exited() || ws.ExitStatus() != 0 {
		return string(text), errors.New(words(ws))
	}
	return "", nil
}
