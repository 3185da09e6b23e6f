package program

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// here is the namespace of the test, on one thread.
type here struct{ calls chan func() }

func newHere() here {
	h := here{make(chan func())}
	go func() {
		runtime.LockOSThread()
		for f := range h.calls {
			f()
		}
	}()
	return h
}

func (h here) Do(f func() error) (err error) {
	done := make(chan struct{})
	h.calls <- func() { err = f(); close(done) }
	<-done
	return err
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a PID namespace needs root")
	}
}

// pair starts a script on both hosts.
func pair(t *testing.T, script string, change func(*File)) (*Pair, error) {
	t.Helper()
	needRoot(t)
	e := End{Command: []string{"sh", "-c", script}, Device: Device{TUN, "x{{.DeviceNumber}}"}}
	f := &File{Name: "script", Ends: []End{e}}
	f.complete()
	if change != nil {
		change(f)
	}
	space := newHere()
	addr := netip.MustParseAddr("198.18.0.1")
	p, err := New(f, [2]Namespace{space, space}, [2]Place{{Address: addr, Prefix: 24}, {Address: addr, Prefix: 24}})
	if err == nil {
		err = p.Start(t.Context())
	}
	t.Cleanup(func() {
		p.Close()
		close(space.calls)
	})
	return p, err
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 5 s for %s", what)
		}
	}
}

// alive reports whether a process has that text in its arguments.
func alive(text string) bool {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if b, err := os.ReadFile(file); err == nil && strings.Contains(string(b), text) && !strings.Contains(string(b), "program.test") {
			return true
		}
	}
	return false
}

func TestEndsByItself(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"exit":     {"echo to stdout; echo to stderr >&2; exit 7", "program=script on host a ended with exit status 7; its last lines: to stdout | to stderr"},
		"signal":   {"kill -SEGV $$", "was ended by SIGSEGV; it printed nothing"},
		"forks":    {"sleep 71.25 & echo gone", "ended with exit status 0 and left other processes behind, as one that forks away does: make it stay in the foreground; its last lines: gone"},
		"password": {"read -r p && exit 0; echo no password >&2; exit 1", "ended with exit status 1; its last lines: no password"},
		"tty":      {"read -r p </dev/tty || exit 3", "ended with exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pair(t, c.script, nil)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "its end", func() bool { return p.Err() != nil })
			if err := p.Err(); !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if alive("71.25") {
				t.Error("what it left behind is still there")
			}
		})
	}
}

func TestStops(t *testing.T) {
	p, err := pair(t, "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done", func(f *File) { f.Ends[0].Ready.Line = "^ready$" })
	if err != nil {
		t.Fatal(err)
	}
	for host := range 2 {
		eventually(t, "the line", func() bool { ok, _ := p.Ready(host); return ok })
	}
	dir := p.dir
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s: %v", dir, err)
	}
}

func TestIgnoresTheSignal(t *testing.T) {
	p, err := pair(t, "trap '' TERM; echo deaf; sleep 72.5 & while :; do sleep 0.01; done", func(f *File) {
		f.Ends[0].Stop.Within, f.Ends[0].Ready.Line = 200*time.Millisecond, "deaf"
	})
	if err != nil {
		t.Fatal(err)
	}
	for host := range 2 {
		eventually(t, "the line", func() bool { ok, _ := p.Ready(host); return ok })
	}
	err = p.Close()
	if err == nil || !strings.Contains(err.Error(), "program=script on host a did not end within 200ms of signal TERM and was killed: set stop.signal") || !strings.Contains(err.Error(), "its last lines: deaf") {
		t.Error(err)
	}
	if alive("72.5") {
		t.Error("a process of it is still there")
	}
}

func TestFloods(t *testing.T) {
	p, err := pair(t, "yes a line of the flood", nil)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the flood", func() bool { return p.Err() != nil })
	if err := p.Err(); !strings.Contains(err.Error(), "printed more than 16 MiB: make it print less") || !strings.Contains(err.Error(), "a line of the flood | a line of the flood") || len(err.Error()) > 1000 {
		t.Error(err)
	}
}

func TestDoesNotStart(t *testing.T) {
	_, err := pair(t, "", func(f *File) { f.Ends[0].Command = []string{"{{.Dir}}/nothing-here"} })
	if err == nil || !strings.Contains(err.Error(), "start program=script on host a: ") || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	_, err = pair(t, "", func(f *File) { f.Ends[0].Command, f.Install = []string{"nothing-here"}, "apt-get install nothing" })
	if err == nil || err.Error() != "program=script needs nothing-here, which is not installed here: apt-get install nothing" {
		t.Error(err)
	}
	_, err = pair(t, "", func(f *File) { f.Prepare = [][]string{{"sh", "-c", "echo no key; exit 4"}} })
	if err == nil || !strings.Contains(err.Error(), "ended with exit status 4; its last lines: no key") {
		t.Error(err)
	}
}

// Files are written after what prepares has run, and what runs beside a program is tried
// until it succeeds.
func TestPrepareFilesAndAfter(t *testing.T) {
	p, err := pair(t, "cat {{.Host}}.conf; sleep 0.2; touch {{.Host}}.there; echo $MINE; sleep 60", func(f *File) {
		f.Prepare = [][]string{{"sh", "-c", "echo secret >key"}}
		e := &f.Ends[0]
		e.Files = map[string]string{"{{.Host}}.conf": `key={{file "key"}} dir={{.Host}}{{"\n"}}`}
		e.Env = map[string]string{"MINE": "env of {{.Host}}"}
		e.After = [][]string{{"test", "-e", "{{.Host}}.there"}, {"sh", "-c", "echo done >{{.Host}}.done"}}
		e.Ready.Line = "env of [ab]"
	})
	if err != nil {
		t.Fatal(err)
	}
	for host := range 2 {
		eventually(t, "what runs beside", func() bool { ok, _ := p.Ready(host); return ok })
		if text := p.ends[host].output.Last(); !strings.Contains(text, fmt.Sprintf("key=secret dir=%s | env of %[1]s", Hosts[host])) {
			t.Error(text)
		}
		if _, err := os.Stat(filepath.Join(p.dir, Hosts[host]+".done")); err != nil {
			t.Error(err)
		}
	}
}

func TestPrivateFolder(t *testing.T) {
	p, err := pair(t, "mkdir /run/tunbench-private-test && ls -A /run; sleep 60", func(f *File) { f.Ends[0].Private, f.Ends[0].Ready.Line = []string{"/run"}, "tunbench" })
	if err != nil {
		t.Fatal(err)
	}
	for host := range 2 {
		eventually(t, "the line", func() bool { ok, _ := p.Ready(host); return ok })
		if text := p.ends[host].output.Last(); text != "its last lines: tunbench-private-test" {
			t.Error(text)
		}
	}
	if _, err := os.Stat("/run/tunbench-private-test"); !os.IsNotExist(err) {
		t.Error("the folder is on the host")
	}
}

func TestUsage(t *testing.T) {
	// Of children that run, of children that have ended, and of their memory.
	p, err := pair(t, "sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; echo counted; head -c 50000000 /dev/zero | tail -c 50000000 | sleep 60", func(f *File) { f.Ends[0].Ready.Line = "counted" })
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the line", func() bool { ok, _ := p.Ready(0); return ok })
	eventually(t, "the memory", func() bool {
		u, err := p.Usage(0)
		return err == nil && u.PeakBytes > 50e6 && u.PeakBytes < 70e6 && u.CPUNs > 20e6
	})
}

// A program is counted as a whole, also where it forks twice, opens sessions of its own, and
// leaves processes without a parent.
func TestUsageOfWhatForks(t *testing.T) {
	const spins = "export SPIN='i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo counted'; "
	for name, script := range map[string]string{
		"alone":          `eval "$SPIN"; sleep 60`,
		"child":          `sh -c "$SPIN; exec sleep 60" & wait`,
		"session":        `setsid sh -c "$SPIN; exec sleep 60" & wait`,
		"orphan":         `sh -c "setsid sh -c '$SPIN; exec sleep 60' &"; sleep 60`,
		"orphan, ended":  `sh -c "setsid sh -c '$SPIN' &"; sleep 60`,
		"twice, session": `setsid sh -c "setsid sh -c '$SPIN; exec sleep 60' & sleep 60" & sleep 60`,
	} {
		t.Run(name, func(t *testing.T) {
			p, err := pair(t, spins+script, func(f *File) { f.Ends[0].Ready.Line = "counted" })
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the line", func() bool { ok, _ := p.Ready(0); return ok })
			time.Sleep(50 * time.Millisecond) // one that ends is counted when it is waited for
			u, err := p.Usage(0)
			if err != nil || u.CPUNs < 50e6 {
				t.Errorf("%+v, %v: want the time of 300,000 turns of a loop", u, err)
			}
			t.Logf("%v of CPU time", time.Duration(u.CPUNs))
			first := p.ends[0].pid()
			tree, err := descendants(first)
			if err != nil {
				t.Fatal(err)
			}
			space, err := inNamespaceOf(first)
			slices.Sort(tree)
			slices.Sort(space)
			if err != nil || len(tree) == 0 || !slices.Equal(tree, space) {
				t.Errorf("processes by their parents %v, by their namespace %v (%v)", tree, space, err)
			}
		})
	}
}

func TestUsageOfNobody(t *testing.T) {
	const none = 1 << 22 // above the largest PID there is
	if _, err := belonging(none); !errors.Is(err, errUnknownUsage) {
		t.Error(err)
	}
	if _, err := inNamespaceOf(none); err == nil {
		t.Error("no error")
	}
}
