package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"tunbench/bench/compare"
	"tunbench/bench/interrupt"
	"tunbench/bench/plan"
	"tunbench/harness/doctor"
	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// standInEnv makes the test binary a tunbench: the real one, or one whose lab
// measures nothing.
const standInEnv = "TUNBENCH_TEST_STAND_IN"

// standIn runs the command line of the process as main does, against a lab that
// gives trials of ten windows. As `panic` it panics in the third trial; as
// `stuck` no trial ends.
func standIn(as string) int {
	ctx := interrupt.Context(context.Background())
	n := 0
	lab := fakeLab{run: func(s spec.Spec, _ string) (record.Trial, error) {
		n++
		switch {
		case as == "panic" && n == 3:
			panic("the reader of queue 0 died")
		case as == "stuck":
			time.Sleep(time.Minute)
		case as == "slow":
			select {
			case <-ctx.Done():
				return record.Trial{}, ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
		t := record.Trial{
			Started: "2026-01-02T03:04:05Z", DurationNs: 1e9,
			Metrics: map[string]float64{record.PPS: 1e6 + 1e4*float64(n), record.Loss: 0.02, record.CPUNsPerPkt: 1234, record.BitPerS: 6e8, record.FloorRatio: 2.5},
		}
		for i := range 10 {
			t.Windows = append(t.Windows, record.Window{TNs: int64(i+1) * 1e8, Pkts: uint64(1e5 + 1e4*i)})
		}
		if s.Queues > 1 {
			t.Flags = []string{record.FlagUnsteady, record.FlagSteal}
		}
		return t, nil
	}}
	a := &app{
		args: os.Args[1:], stdout: os.Stdout, stderr: os.Stderr,
		lab: func() compare.Lab { return lab }, blocks: func() plan.Blocks { return lab }, host: lab.Host, privileges: func() error { return nil }, modules: func() error { return nil }, doctor: doctor.Examine,
	}
	return a.execute(ctx)
}

// terminal is what a terminal of that width shows of what it is sent, as far as
// tunbench makes use of one.
type terminal struct {
	columns  int
	lines    []string
	at       int  // column of the cursor, in the last line
	hidden   bool // the cursor
	wrapped  []string
	coloured bool
	escapes  int
	seen     []string // each state of a line that was drawn anew
}

func (v *terminal) feed(t *testing.T, sent string) {
	t.Helper()
	v.lines = []string{""}
	put := func(text string) {
		last := &v.lines[len(v.lines)-1]
		r := []rune(*last)
		for _, c := range text {
			for len(r) <= v.at {
				r = append(r, ' ')
			}
			r[v.at] = c
			v.at++
		}
		*last = string(r)
		if screen.Width(*last) > v.columns && !slices.Contains(v.wrapped, *last) {
			v.wrapped = append(v.wrapped, *last)
		}
	}
	for sent != "" {
		i := strings.IndexAny(sent, "\r\n\x1b")
		if i < 0 {
			i = len(sent)
		}
		put(sent[:i])
		if sent = sent[i:]; sent == "" {
			break
		}
		switch {
		case sent[0] == '\r':
			v.at, sent = 0, sent[1:]
		case sent[0] == '\n':
			v.lines, v.at, sent = append(v.lines, ""), 0, sent[1:]
		default:
			end := strings.IndexFunc(sent[1:], func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' })
			if end < 0 {
				t.Fatalf("an escape sequence without an end: %q", sent)
			}
			sequence := sent[:end+2]
			sent = sent[end+2:]
			v.escapes++
			last := &v.lines[len(v.lines)-1]
			switch {
			case sequence == "\x1b[?25l":
				v.hidden = true
			case sequence == "\x1b[?25h":
				v.hidden = false
				v.seen = append(v.seen, *last)
			case sequence == "\x1b[K":
				*last = string([]rune(*last)[:min(v.at, len([]rune(*last)))])
			case strings.HasSuffix(sequence, "m"):
				v.coloured = true
			default:
				t.Fatalf("an escape sequence that nobody asked for: %q", sequence)
			}
		}
	}
}

// onTerminal runs the stand-in of that name on a terminal of its own. Keys are
// typed once what was sent so far has the text before them.
func onTerminal(t *testing.T, as string, columns uint16, env []string, args []string, keys ...[2]string) (v terminal, sent string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{
		standInEnv + "=" + as, "TERM=xterm-256color", "LANG=C.UTF-8", "HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH"),
	}, env...)
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: columns})
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	defer tty.Close()
	timeout := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer timeout.Stop()
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := tty.Read(buf)
		all.Write(buf[:n])
		if len(keys) > 0 && strings.Contains(all.String(), keys[0][0]) {
			time.Sleep(600 * time.Millisecond) // so that a second signal is not part of the first request
			if _, err := io.WriteString(tty, keys[0][1]); err != nil {
				t.Error(err)
			}
			keys = keys[1:]
		}
		if err != nil { // EIO: the last one has closed it
			break
		}
	}
	err = cmd.Wait()
	if len(keys) > 0 {
		t.Errorf("never came to %q", keys[0][0])
	}
	v.columns = int(columns)
	v.feed(t, all.String())
	return v, all.String(), err
}

func TestRunOnTerminal(t *testing.T) {
	for name, test := range map[string]struct {
		columns uint16
		env     []string
		live    bool
		colours bool
		ascii   bool
	}{
		"80 columns":  {80, nil, true, true, false},
		"40 columns":  {40, nil, true, true, false},
		"132 columns": {132, nil, true, true, false},
		"no colours":  {80, []string{"NO_COLOR=1"}, true, false, false},
		"dumb":        {80, []string{"TERM=dumb"}, false, false, false},
		"CI":          {80, []string{"CI=true"}, false, false, false},
		"not UTF-8":   {80, []string{"LC_ALL=C"}, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, sent, err := onTerminal(t, "lab", test.columns, test.env, runArgs("x", "--trials", "2"))
			if err != nil {
				t.Fatalf("%v\n%s", err, sent)
			}
			if v.hidden {
				t.Error("the cursor stays hidden")
			}
			if v.coloured != test.colours {
				t.Errorf("coloured: %v, want %v", v.coloured, test.colours)
			}
			if test.ascii == strings.ContainsFunc(sent, func(r rune) bool { return r > 0x7e }) {
				t.Errorf("characters beyond ASCII: %v\n%s", !test.ascii, sent)
			}
			all := strings.Join(v.lines, "\n")
			if !test.live {
				if v.escapes > 0 || strings.Contains(all, "left") {
					t.Errorf("something is drawn:\n%q", sent)
				}
				return
			}
			// What wraps is no longer drawn anew. A word is never broken, so that on
			// a narrow terminal a figure's row may.
			if len(v.wrapped) > 0 && test.columns >= 80 {
				t.Errorf("lines are too long: %q", v.wrapped)
			}
			for _, state := range v.seen {
				if screen.Width(state) >= int(test.columns) {
					t.Errorf("the live line fills the terminal: %q", state)
				}
			}
			drawn := strings.Join(v.seen, "\n")
			for _, want := range []string{"pair 2/2", "left"} {
				if !strings.Contains(drawn, want) {
					t.Errorf("%q was never drawn: %q", want, v.seen)
				}
			}
			if test.columns >= 80 {
				spark := "▅▅▆▆▆▇▇███"
				if test.ascii {
					spark = "++***##@@@"
				}
				for _, want := range []string{"setting up 4 trials by turns", "block 2/2  round 1/2", spark, "1.01 Mpps"} {
					if !strings.Contains(drawn, want) {
						t.Errorf("%q was never drawn: %q", want, v.seen)
					}
				}
			}
			done := slices.IndexFunc(v.lines, func(l string) bool { return strings.HasPrefix(l, "done ") })
			bad := slices.IndexFunc(v.lines, func(l string) bool { return strings.HasPrefix(l, "invalid ") })
			if done < 0 || bad != done+1 || strings.Contains(all, " left") || !strings.Contains(all, "report: ") {
				t.Errorf("finished scenarios do not stand above the summary:\n%s", all)
			}
			if test.columns >= 80 && (!strings.Contains(v.lines[done], "queues=1") || !strings.Contains(v.lines[bad], "steal") || !strings.Contains(v.lines[done], "Mpps")) {
				t.Errorf("finished: %q", v.lines[done:bad+1])
			}
		})
	}
}

func TestABOnTerminal(t *testing.T) {
	v, sent, err := onTerminal(t, "lab", 80, nil, []string{"ab", "--a", "size=64", "--b", "size=1500", "--seed", "1", "--out", "x"})
	if err != nil {
		t.Fatalf("%v\n%s", err, sent)
	}
	drawn := strings.Join(v.seen, "\n")
	for _, want := range []string{"pair 10/10", "a 1.", ", b 1.", "Mpps"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%q was never drawn: %q", want, v.seen)
		}
	}
	if len(v.wrapped) > 0 || v.hidden || !strings.HasPrefix(v.lines[0], "done    Tun/") || !strings.HasSuffix(v.lines[0], "  4 equivalent") {
		t.Errorf("wrapped %q, cursor hidden: %v\n%s", v.wrapped, v.hidden, strings.Join(v.lines, "\n"))
	}
}

func TestRunEndsOnTerminal(t *testing.T) {
	notIgnored(t, syscall.SIGINT)
	exit := func(err error) (code int, by syscall.Signal) {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			return 0, 0
		}
		status := e.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			return -1, status.Signal()
		}
		return status.ExitStatus(), 0
	}
	args := runArgs("x", "--trials", "50", "--arm", "bare")
	for name, test := range map[string]struct {
		as   string
		keys [][2]string
		code int
		by   syscall.Signal
		want string
	}{
		"interrupted": {"slow", [][2]string{{"pair 2/50", "\x03"}}, 130, 0, "tunbench: interrupted: "},
		"killed":      {"stuck", [][2]string{{"by turns", "\x03"}, {"^C", "\x03"}}, -1, syscall.SIGINT, ""},
		"panics":      {"panic", nil, 2, 0, "panic: the reader of queue 0 died"},
		"with --json": {"lab", nil, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := args
			if test.code == 0 {
				args = runArgs("x", "--json")
			}
			v, sent, err := onTerminal(t, test.as, 100, nil, args, test.keys...)
			if code, by := exit(err); code != test.code || by != test.by {
				t.Errorf("exit %d, signal %v, want %d, %v\n%s", code, by, test.code, test.by, sent)
			}
			if v.hidden || strings.Count(sent, "\x1b[?25l") != strings.Count(sent, "\x1b[?25h") {
				t.Error("the cursor stays hidden")
			}
			if test.want != "" && !slices.ContainsFunc(v.lines, func(l string) bool { return strings.HasPrefix(l, test.want) }) {
				t.Errorf("no line begins with %q:\n%s", test.want, strings.Join(v.lines, "\n"))
			}
			if test.code == 0 && v.escapes > 0 {
				t.Errorf("something is drawn between records:\n%q", sent)
			}
			for _, end := range v.lines {
				if strings.HasPrefix(end, "{") && !strings.HasSuffix(end, "}") {
					t.Errorf("a record is not whole: %q", end)
				}
			}
		})
	}
}

func TestDoctorOnTerminal(t *testing.T) {
	v, sent, err := onTerminal(t, "lab", 80, nil, []string{"doctor"})
	if err != nil {
		t.Fatalf("%v\n%s", err, sent)
	}
	for _, line := range v.wrapped {
		// A command is whole, to be copied, and so is a word.
		if !strings.HasPrefix(line, "     $ ") && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("too long: %q", line)
		}
	}
	if all := strings.Join(v.lines, "\n"); !v.coloured || !strings.Contains(all, "What to do next") {
		t.Errorf("coloured %v:\n%s", v.coloured, all)
	}
}

// TestBashCompletion presses the tabulator key in a real bash.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	const scripts = "/usr/share/bash-completion/bash_completion"
	if _, missing := os.Stat(scripts); err != nil || missing != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("bash or bash-completion is not installed: %v, %v", err, missing)
		}
		t.Skipf("bash or bash-completion is not installed: %v, %v", err, missing)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, release := range []string{"6.1.0-test", "6.12.0-test"} {
		if err := os.MkdirAll(filepath.Join(dir, "tunbench", "kernels", release), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tunbench", "kernels", release, "vmlinuz"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	// It shows its arguments, and completes as tunbench does.
	wrapper := "#!/bin/sh\ncase $1 in __complete*|completion) " + standInEnv + "=tunbench exec '" + self + "' \"$@\" ;; esac\nprintf '<%s>' \"$@\"\necho\n"
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "tunbench"), []byte(wrapper), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "--norc", "--noprofile", "-i")
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "XDG_CACHE_HOME=" + dir, "TERM=dumb", "LANG=C.UTF-8", "PS1=> "}
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 200})
	if err != nil {
		t.Fatalf("open a terminal: %v", err)
	}
	defer tty.Close()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var all bytes.Buffer
	await := func(text string) bool {
		timeout := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer timeout.Stop()
		buf := make([]byte, 4096)
		for !strings.Contains(all.String(), text) {
			n, err := tty.Read(buf)
			all.Write(buf[:n])
			if err != nil {
				t.Errorf("bash said no %q: %v\n%s", text, err, all.String())
				return false
			}
		}
		all.Reset()
		return true
	}
	typed := func(keys string) {
		if _, err := io.WriteString(tty, keys); err != nil {
			t.Fatal(err)
		}
	}
	typed("source " + scripts + "; source <(tunbench completion bash); echo re''ady\n")
	if !await("ready\r\n") {
		return
	}
	for _, test := range []struct{ typed, want string }{
		{"run --suite smo\t", "<run><--suite><smoke>"},
		{"run --hook trace\t", "<run><--hook><tracepoint>"},
		{"run --set io=po\t", "<run><--set><io=poll>"},
		{"run --set qu\t", "<run><--set><queues=>"},
		{"list --filter io=po\t", "<list><--filter><io=poll>"},
		{"run --search qu\t", "<run><--search><quick>"},
		{"run --arm bar\t", "<run><--arm><bare>"},
		{"ab --a hook=trace\t", "<ab><--a><hook=tracepoint>"},
		{"report --format mark\t", "<report><--format><markdown>"},
		{"compare --threshold cpu\t", "<compare><--threshold><cpu_ns_per_pkt=>"},
		{"kernels --kernel 6.12\t", "<kernels><--kernel><6.12.0-test>"},
		{"vm --kernel 6.1.\t", "<vm><--kernel><6.1.0-test>"},
		{"vm --accel tc\t", "<vm><--accel><tcg>"},
		{"doct\t", "<doctor>"},
	} {
		typed("tunbench " + test.typed + "\n")
		if !await(test.want + "\r\n") {
			return
		}
	}
}
