package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// IsInit reports whether this process is the first of a guest. The program then
// calls Init and does nothing else.
func IsInit() bool {
	if os.Getpid() != 1 {
		return false
	}
	_, err := os.Stat(JobPath)
	return err == nil
}

// Init runs the Job of the guest and powers the guest off; it does not return.
// Errors are printed on the console.
func Init() {
	in := &initProcess{}
	// A panic here would make the kernel panic, whose message says less.
	defer func() {
		if r := recover(); r != nil {
			in.say(SayError + fmt.Sprint(r))
		}
		powerOff()
	}()
	in.openConsole()
	in.say(SayReady)
	if err := in.run(); err != nil {
		in.say(SayError + strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	in.say(SayDone)
}

type initProcess struct {
	console io.Writer
}

// say prints a line with the Marker. It first ends the line that the kernel or a
// command may have begun.
func (in *initProcess) say(what string) {
	fmt.Fprintf(in.console, "\n%s%s\n", Marker, what)
}

// openConsole opens the serial port that the host reads. /dev/console is the
// same port, unless a kernel parameter such as console=tty0 names another.
func (in *initProcess) openConsole() {
	in.console = os.Stderr // opened by the kernel, if it found /dev/console
	for _, n := range []struct {
		path         string
		major, minor uint32
	}{{ports.Console.path(), ports.Console.major, ports.Console.minor}, {"/dev/console", 5, 1}} {
		f, err := os.OpenFile(n.path, os.O_WRONLY|unix.O_NOCTTY, 0)
		if errors.Is(err, os.ErrNotExist) {
			_ = unix.Mknod(n.path, unix.S_IFCHR|0o600, int(unix.Mkdev(n.major, n.minor)))
			f, err = os.OpenFile(n.path, os.O_WRONLY|unix.O_NOCTTY, 0)
		}
		if err == nil {
			in.console = f
			return
		}
	}
}

// mounts are made in this order. The folder of the results has a limit of its own, so
// that a guest that has filled /tmp can still hand them out.
var mounts = []struct {
	kind, dir, options string
	required           bool
}{
	{"proc", "/proc", "", true},
	{"sysfs", "/sys", "", true},
	{"devtmpfs", "/dev", "", false},
	{"tmpfs", "/tmp", "size=25%", true},
	{"tmpfs", "/run", "size=10%", true},
	{"tmpfs", OutDir, "size=25%", true},
	{"tracefs", "/sys/kernel/tracing", "", false},
	{"debugfs", "/sys/kernel/debug", "", false},
}

// nodes are the devices that are made if the kernel has no devtmpfs.
var nodes = []struct {
	path         string
	major, minor uint32
}{
	{"/dev/null", 1, 3}, {"/dev/zero", 1, 5}, {"/dev/urandom", 1, 9}, {"/dev/kmsg", 1, 11},
	{ports.Console.path(), ports.Console.major, ports.Console.minor}, {ports.Results.path(), ports.Results.major, ports.Results.minor}, {"/dev/net/tun", 10, 200}, {"/dev/vhost-net", 10, 238},
}

func (in *initProcess) run() error {
	text, err := os.ReadFile(JobPath)
	if err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	var job Config
	if err := json.Unmarshal(text, &job); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	if err := in.mount(); err != nil {
		return err
	}
	if err := in.loadModules(job.Optional); err != nil {
		return err
	}
	tun, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	switch {
	case err != nil && job.NoModules != "":
		return fmt.Errorf("no modules were given with this kernel, and TUN is not built in (%w): %s", err, job.NoModules)
	case err != nil:
		return fmt.Errorf("this kernel has no TUN: %w", err)
	}
	tun.Close()
	if err := loopbackUp(); err != nil {
		in.say(SayWarning + err.Error())
	}
	// Opened before a command can fill the memory.
	port, err := openPort(resultsPort)
	if err != nil {
		return err
	}
	commands, streams, err := in.execute(job.Job)
	if err != nil {
		return err
	}
	for _, text := range kernelWarnings() {
		in.say(SayWarning + KernelWarns + text)
	}
	in.say(SayResults)
	if err := WriteFrame(port, commands, streams, OutDir); err != nil {
		return fmt.Errorf("hand out results: %w", err)
	}
	return drain(port)
}

func (in *initProcess) mount() error {
	for _, m := range mounts {
		err := unix.Mount(m.kind, m.dir, m.kind, 0, m.options)
		if err == nil {
			continue
		}
		err = fmt.Errorf("mount %s on %s: %w", m.kind, m.dir, err)
		if m.required {
			return err
		}
		in.say(SayWarning + err.Error())
		if m.kind != "devtmpfs" {
			continue
		}
		for _, n := range nodes {
			if err := os.MkdirAll(filepath.Dir(n.path), 0o755); err != nil {
				return fmt.Errorf("make device nodes: %w", err)
			}
			if err := unix.Mknod(n.path, unix.S_IFCHR|0o600, int(unix.Mkdev(n.major, n.minor))); err != nil {
				return fmt.Errorf("make device node %s: %w", n.path, err)
			}
		}
	}
	return nil
}

// loadModules loads the files of ModulesDir in the order of the numbers in their
// names, which is that of their dependencies.
func (in *initProcess) loadModules(optional []string) error {
	files, err := filepath.Glob(ModulesDir + "/*.ko")
	if err != nil {
		return fmt.Errorf("list modules: %w", err)
	}
	slices.Sort(files)
	for _, file := range files {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".ko"), "-")
		err := loadModule(file)
		switch {
		case err == nil:
		case slices.Contains(optional, name):
			in.say(fmt.Sprintf("%sload module %s: %v", SayWarning, name, err))
		default:
			return fmt.Errorf("load module %s: %w; the lines of the kernel above may tell more", name, err)
		}
	}
	return keepModules(files)
}

func loadModule(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w (%s)", err, unix.ErrnoName(errno(err)))
	}
	return nil
}

func errno(err error) syscall.Errno {
	var e syscall.Errno
	errors.As(err, &e)
	return e
}

func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr); err != nil {
		return fmt.Errorf("set lo up: %w", err)
	}
	return nil
}

// execute runs the commands, and returns the result and the output of each.
func (in *initProcess) execute(job Job) ([]CommandResult, []Streams, error) {
	var (
		streams []Streams
		results []CommandResult
	)
	for i, args := range job.Commands {
		out := Streams{Stdout: fmt.Sprint("/run/stdout-", i), Stderr: fmt.Sprint("/run/stderr-", i)}
		streams = append(streams, out)
		stdout, err := os.Create(out.Stdout)
		if err != nil {
			return nil, nil, fmt.Errorf("keep output: %w", err)
		}
		stderr, err := os.Create(out.Stderr)
		if err != nil {
			return nil, nil, fmt.Errorf("keep output: %w", err)
		}
		tee := &teeWriter{file: stderr, console: in.console}
		cmd := exec.Command(InitPath, args...)
		cmd.Env = append([]string{"HOME=/tmp", "PATH=/bin:/sbin", "TERM=dumb", resultsEnv + "=" + resultsPort}, job.Env...)
		cmd.Dir = "/tmp"
		cmd.Stdout, cmd.Stderr = stdout, tee
		cmd.WaitDelay = 2 * time.Second // for processes that the command left behind, which hold its stderr
		begin := time.Now()
		err = cmd.Run()
		r := CommandResult{Args: args, Duration: time.Since(begin)}
		switch {
		case cmd.ProcessState == nil:
			return nil, nil, fmt.Errorf("start command %q: %w", args, err)
		default:
			r.Exit = cmd.ProcessState.ExitCode()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				r.Exit = 128 + int(status.Signal())
				r.Error = "killed by " + unix.SignalName(status.Signal())
			}
			if tee.err != nil {
				r.Error = strings.TrimPrefix(r.Error+"; keep stderr: "+tee.err.Error(), "; ")
			}
		}
		stdout.Close()
		stderr.Close()
		results = append(results, r)
	}
	return results, streams, nil
}

// teeWriter writes to file and console, even if one of them fails: a full disk must
// not end a command that only prints messages to it.
type teeWriter struct {
	file    *os.File
	console io.Writer
	err     error // the first error of file
}

func (t *teeWriter) Write(p []byte) (int, error) {
	fmt.Fprint(t.console, string(p))
	if _, err := t.file.Write(p); err != nil && t.err == nil {
		t.err = err
	}
	return len(p), nil
}

// powerOff ends the guest. There is no disk whose contents could be lost.
func powerOff() {
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	// Reached only without the capability to reboot.
	select {}
}
