package vm

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConsole(t *testing.T) {
	const printed = "\x1b[2J\x1bcSeaBIOS\r\n" +
		"[    0.1] half a line of the kernel tunbench-init: ready\r\n" +
		"tunbench-init: warning: load module veth: ENOEXEC\r\n" +
		"some stderr about tunbench-init: nonsense\n" +
		"[    9.1] Out of memory: Killed process 77 (init) total-vm:1kB\r\n" +
		"tunbench-init: error: no disk\r\n" +
		"tunbench-init: results\r\ntunbench-init: done\r\n" +
		"[   10.0] Kernel panic - not syncing: Attempted to kill init!\r\n" +
		"[   10.1] ---[ end Kernel panic - not syncing: Attempted to kill init! ]---\r\n" +
		"[   11.0] reboot: Power down"
	want := []event{
		{eventOutput, ""},
		{eventReady, ""},
		{eventWarning, "load module veth: ENOEXEC"},
		{eventMemory, "Out of memory: Killed process 77 (init) total-vm:1kB"},
		{eventError, "no disk"},
		{eventResults, ""},
		{eventDone, ""},
		{eventPanic, "Kernel panic - not syncing: Attempted to kill init!"},
		{eventHalted, "---[ end Kernel panic - not syncing: Attempted to kill init! ]---"},
		{eventHalted, "reboot: Power down"},
	}
	for _, chunk := range []int{1, 7, len(printed)} {
		var got []event
		var lines []string
		c := &console{on: func(e event) { got = append(got, e) }, line: func(l string) { lines = append(lines, l) }}
		for rest := printed; rest != ""; {
			n := min(chunk, len(rest))
			if _, err := c.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		c.end()
		if d := cmp.Diff(want, got, cmp.AllowUnexported(event{})); d != "" {
			t.Errorf("in chunks of %d: events (-want +got):\n%s", chunk, d)
		}
		if len(lines) != 11 || lines[0] != "SeaBIOS" || strings.ContainsAny(c.text(), "\r\x1b") {
			t.Errorf("in chunks of %d: %d lines:\n%q", chunk, len(lines), lines)
		}
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines("a\n\n\r\nb\nc\n", 2); !cmp.Equal(got, []string{"b", "c"}) {
		t.Errorf("%q", got)
	}
	if got := lastLines("", 2); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// A guest that prints for ever does not fill the host's memory.
func TestConsoleLimit(t *testing.T) {
	c := &console{on: func(event) {}}
	long := []byte(strings.Repeat("x", 1<<20))
	for range 40 {
		if _, err := c.Write(long); err != nil {
			t.Fatal(err)
		}
	}
	if text := c.text(); len(text) > consoleLimit+100 || !strings.Contains(text, "more bytes were not kept") {
		t.Errorf("%d bytes are kept", len(text))
	}
}
