package vm

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tunbench/harness/vm/guest"
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
			_, err := m.Run(ctx, guest.Job{})
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
		if _, err := m.Run(context.Background(), guest.Job{}); err == nil || !strings.Contains(err.Error(), "keep what the guest measured: no space left on device") {
			t.Errorf("%v", err)
		}
	})
	// Of a boot that the emulator broke nothing is kept.
	t.Run("booted again", func(t *testing.T) {
		boots := filepath.Join(t.TempDir(), "boots")
		m := fakeQEMU(t, "echo >>"+boots+"; "+begin+"if [ $(wc -l <"+boots+") = 1 ]; then echo 'Oops: int3: 0000 [#1] PREEMPT SMP'; exit; fi; printf 'tunbench-init: ready\\r\\n'\n"+answer(t))
		kept := &memory{}
		m.Keep = kept
		if _, err := m.Run(context.Background(), guest.Job{}); err != nil {
			t.Fatal(err)
		}
		if kept.boots != 2 || kept.files["run.jsonl"] != "one\ntwo\n" || strings.Contains(strings.Join(kept.lines, "\n"), "int3") {
			t.Errorf("%d boots, kept %q, console %q", kept.boots, kept.files, kept.lines)
		}
	})
}
