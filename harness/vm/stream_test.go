package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// memory keeps what a guest hands out.
type memory struct {
	mu     sync.Mutex // guards what follows
	boots  int
	lines  []string
	files  map[string]string
	refuse error
}

func (m *memory) Begin() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.boots++
	m.lines, m.files = nil, map[string]string{}
	return nil
}

func (m *memory) Console(line string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, line)
	return nil
}

func (m *memory) Grow(name string, offset int64, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int64(len(m.files[name])) != offset {
		return fmt.Errorf("%s at %d, after %d bytes", name, offset, len(m.files[name]))
	}
	m.files[name] += string(b)
	return m.refuse
}

// chunks hands out contents in parts, as a command in a guest does.
func chunks(t testing.TB, name string, parts ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	g := &Growing{path: path, name: name}
	var b bytes.Buffer
	var whole string
	for _, part := range parts {
		whole += part
		write(t, path, []byte(whole))
		if err := g.send(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestStream(t *testing.T) {
	framed, _ := frame(t)
	long := strings.Repeat("a line of a record\n", 10000)
	sent := chunks(t, "a/run.jsonl", "one\n", long, "three\x00\xff\n")
	for name, in := range map[string][]byte{
		"whole":        append(bytes.Clone(sent), framed...),
		"firmware":     slices.Concat([]byte("SeaBIOS"), sent, []byte("no end of this line"), []byte("\n"), framed),
		"without more": framed,
	} {
		m := &memory{files: map[string]string{}}
		rest := readStream(bytes.NewReader(in), func(n string, o int64, b []byte) {
			if err := m.Grow(n, o, b); err != nil {
				t.Error(err)
			}
		}, func(err error) { t.Errorf("%s: %v", name, err) })
		if !bytes.Equal(rest, framed) {
			t.Errorf("%s: %d bytes of the frame, want %d", name, len(rest), len(framed))
		}
		want := map[string]string{"a/run.jsonl": "one\n" + long + "three\x00\xff\n"}
		if name == "without more" {
			want = map[string]string{}
		}
		if d := cmp.Diff(want, m.files); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// What does not arrive whole is never given out as if it had.
func TestTornStream(t *testing.T) {
	const one, two = "the first record\n", "the second record\n"
	first := chunks(t, "run.jsonl", one)
	sent := chunks(t, "run.jsonl", one, two)
	allowed := map[string]bool{"": true, one: true, one + two: true}
	read := func(in []byte) (got string, torn bool) {
		readStream(bytes.NewReader(in), func(_ string, _ int64, b []byte) { got += string(b) }, func(error) { torn = true })
		return got, torn
	}
	for n := range sent {
		got, _ := read(sent[:n])
		if !allowed[got] || n >= len(first) && got == "" {
			t.Fatalf("cut after %d of %d bytes: %q", n, len(sent), got)
		}
	}
	for n := range sent {
		changed := bytes.Clone(sent)
		changed[n] ^= 0x04
		if got, torn := read(changed); !allowed[got] && got != two || !torn && got == "" {
			t.Fatalf("byte %d changed: %q, told: %v", n, got, torn)
		}
	}
	for header, want := range map[string]string{
		`{"file":"../evil","offset":0,"length":1,"packed":1,"sum":0}`:        "leads out",
		`{"file":"/etc/passwd","offset":0,"length":1,"packed":1,"sum":0}`:    "leads out",
		`{"file":"a","offset":-1,"length":1,"packed":1,"sum":0}`:             "torn",
		`{"file":"a","offset":0,"length":1,"packed":99999999999,"sum":0}`:    "torn",
		`{"file":"a","offset":0,"length":99999999999,"packed":5,"sum":0}`:    "torn",
		`{"file":"a","offset":99999999999999,"length":9,"packed":5,"sum":0}`: "torn",
		`nonsense`: "torn",
	} {
		if _, _, _, err := readChunk(strings.NewReader("xxxxx\n"), header); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", header, err, want)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	framed, _ := frame(f)
	sent := chunks(f, "run.jsonl", "one\n", "two\n")
	f.Add(append(sent, framed...))
	f.Add([]byte(chunkBegin + `{"file":"a","offset":0,"length":1,"packed":1,"sum":0}` + "\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		readStream(bytes.NewReader(b), func(name string, offset int64, b []byte) {
			if !filepath.IsLocal(name) || offset < 0 || len(b) == 0 {
				t.Errorf("file %q, offset %d, %d bytes", name, offset, len(b))
			}
		}, func(err error) {
			if err == nil {
				t.Error("torn without an error")
			}
		})
	})
}

// Whatever ends a guest, what it had handed out is kept, and so is its console.
func TestKeptWhateverEndsTheGuest(t *testing.T) {
	sent := filepath.Join(t.TempDir(), "chunks")
	write(t, sent, chunks(t, "run.jsonl", "one\n", "two\n"))
	begin := "printf 'tunbench-init: ready\\r\\n'; cat " + sent + " >/proc/self/fd/4; sleep 0.3; "
	for name, test := range map[string]struct {
		script string
		change func(*Machine)
		cancel bool
		want   string
	}{
		"panic":     {"printf '[ 1.0] Kernel panic - not syncing: Fatal exception\\r\\n'; exec sleep 60", nil, false, "the kernel gave up: Kernel panic"},
		"timeout":   {"exec sleep 60", func(m *Machine) { m.Timeout = 2 * time.Second }, false, "not done after 2s (--timeout)"},
		"killed":    {"kill -9 $$", nil, false, "ended before its commands were done: QEMU ended: signal: killed"},
		"power off": {"exit 0", nil, false, "ended before its commands were done"},
		"interrupt": {"exec sleep 60", nil, true, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			m := fakeQEMU(t, begin+test.script)
			if test.change != nil {
				test.change(&m)
			}
			kept := &memory{}
			m.Keep = kept
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if test.cancel {
				time.AfterFunc(1500*time.Millisecond, cancel)
			}
			_, err := m.Run(ctx, Job{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
			if kept.files["run.jsonl"] != "one\ntwo\n" || len(kept.lines) == 0 || kept.lines[0] != "tunbench-init: ready" || kept.boots != 1 {
				t.Errorf("kept %q, console %q, %d boots", kept.files, kept.lines, kept.boots)
			}
		})
	}
	t.Run("no room on the host", func(t *testing.T) {
		m := fakeQEMU(t, begin+"exec sleep 60")
		m.Keep = &memory{refuse: errors.New("no space left on device")}
		if _, err := m.Run(context.Background(), Job{}); err == nil || !strings.Contains(err.Error(), "keep what the guest measured: no space left on device") {
			t.Errorf("%v", err)
		}
	})
	// Of a boot that the emulator broke nothing is kept.
	t.Run("booted again", func(t *testing.T) {
		boots := filepath.Join(t.TempDir(), "boots")
		m := fakeQEMU(t, "echo >>"+boots+"; "+begin+"if [ $(wc -l <"+boots+") = 1 ]; then echo 'Oops: int3: 0000 [#1] PREEMPT SMP'; exit; fi; printf 'tunbench-init: ready\\r\\n'\n"+answer(t))
		kept := &memory{}
		m.Keep = kept
		if _, err := m.Run(context.Background(), Job{}); err != nil {
			t.Fatal(err)
		}
		if kept.boots != 2 || kept.files["run.jsonl"] != "one\ntwo\n" || strings.Contains(strings.Join(kept.lines, "\n"), "int3") {
			t.Errorf("%d boots, kept %q, console %q", kept.boots, kept.files, kept.lines)
		}
	})
}
