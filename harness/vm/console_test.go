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

// The headlines of what ends a kernel and of what it only complains about, as
// 6.1 and 6.12 print them, and lines that are neither.
func TestHeadlines(t *testing.T) {
	for line, want := range map[string]event{
		"[    5.123456] BUG: kernel NULL pointer dereference, address: 0000000000000000":                                   {eventOops, "BUG: kernel NULL pointer dereference, address: 0000000000000000"},
		"[    5.123456][  T77] BUG: unable to handle page fault for address: ffffffffc0000000":                             {eventOops, "BUG: unable to handle page fault for address: ffffffffc0000000"},
		"BUG: unable to handle page fault for address: 00007f":                                                             {eventOops, "BUG: unable to handle page fault for address: 00007f"},
		"[    5.1] Oops: 0002 [#1] PREEMPT SMP NOPTI":                                                                      {eventOops, "Oops: 0002 [#1] PREEMPT SMP NOPTI"},
		"[    5.1] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI":                                                                {eventOops, "Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI"},
		"[    5.1] Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP":               {eventOops, "Oops: general protection fault, probably for non-canonical address 0xdead: 0000 [#1] SMP"},
		"[    5.1] general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP": {eventOops, "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP"},
		"[    5.1] kernel BUG at drivers/net/tun.c:123!":                                                                   {eventOops, "kernel BUG at drivers/net/tun.c:123!"},
		"[    5.1] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI":                                                            {eventOops, "invalid opcode: 0000 [#1] PREEMPT SMP NOPTI"},
		"[    5.1] divide error: 0000 [#1] SMP":                                                                            {eventOops, "divide error: 0000 [#1] SMP"},
		"[    5.1] int3: 0000 [#1] PREEMPT SMP NOPTI":                                                                      {eventOops, "int3: 0000 [#1] PREEMPT SMP NOPTI"},
		"[    5.1] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000":                   {eventOops, "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000"},
		"[    5.1] Internal error: Oops - Undefined instruction: 0000000002000000 [#1] SMP":                                {eventOops, "Internal error: Oops - Undefined instruction: 0000000002000000 [#1] SMP"},
		"[    5.1] Insufficient stack space to handle exception!":                                                          {eventOops, "Insufficient stack space to handle exception!"},
		"half a line of a command[    5.1] kernel BUG at mm/slub.c:1!":                                                     {eventOops, "kernel BUG at mm/slub.c:1!"},
		"[    5.1] Kernel panic - not syncing: Fatal exception in interrupt":                                               {eventPanic, "Kernel panic - not syncing: Fatal exception in interrupt"},
		"[   30.0] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [init:77]":                                            {eventComplaint, "BUG: soft lockup - CPU#0 stuck for 26s! [init:77]"},
		"[   30.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:":                                                  {eventComplaint, "INFO: rcu_preempt detected stalls on CPUs/tasks:"},
		"[   30.0] rcu: INFO: rcu_preempt self-detected stall on CPU":                                                      {eventComplaint, "INFO: rcu_preempt self-detected stall on CPU"},
		"[  240.0] INFO: task init:77 blocked for more than 120 seconds.":                                                  {eventComplaint, "INFO: task init:77 blocked for more than 120 seconds."},
		"[   30.0] WARNING: CPU: 1 PID: 77 at net/core/dev.c:123 netif_rx+0x1/0x2 [tun]":                                   {eventComplaint, "WARNING: CPU: 1 PID: 77 at net/core/dev.c:123 netif_rx+0x1/0x2 [tun]"},
		"[   30.0] BUG: sleeping function called from invalid context at mm/slab.h:1":                                      {eventComplaint, "BUG: sleeping function called from invalid context at mm/slab.h:1"},
		"[   30.0] BUG: KASAN: use-after-free in tun_net_xmit+0x1/0x2":                                                     {eventComplaint, "BUG: KASAN: use-after-free in tun_net_xmit+0x1/0x2"},
		"[    1.0] traps: init[77] general protection fault ip:401000 sp:7ffd error:0 in init":                             {},
		"[    1.0] NMI watchdog: Perf NMI watchdog permanently disabled":                                                   {},
		"[    0.0] Kernel command line: console=ttyS0 panic=-1 oops=panic":                                                 {},
		"tunbench: report of a WARNING: or a BUG: in the middle of a line, or an Oops: of somebody":                        {},
		"[    1.0] rcu: Hierarchical RCU implementation.":                                                                  {},
		"[    1.0] PKCS#7 INFO: task done":                                                                                 {},
	} {
		got, ok := parseLine(line)
		if got != want || ok != (want != event{}) {
			t.Errorf("%s: %+v, %v, want %+v", line, got, ok, want)
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

// staleKprobe is what a guest of Debian's 6.1 printed under QEMU 7.2 with a thread per
// CPU when a kprobe was attached while another thread entered the function.
const staleKprobe = `tunbench-init: ready
[   28.686028] BUG: kernel NULL pointer dereference, address: 0000000000000000
[   28.686761] #PF: supervisor instruction fetch in kernel mode
[   28.686822] #PF: error_code(0x0010) - not-present page
[   28.687160] Oops: 0010 [#1] PREEMPT SMP NOPTI
[   28.687268] CPU: 1 PID: 182 Comm: init Not tainted 6.1.0-57-cloud-amd64 #1  Debian 6.1.192-3
[   28.687620] RIP: 0010:0x0
[   28.687620] Code: Unable to access opcode bytes at 0xffffffffffffffd6.
[   28.687620] RSP: 0018:ffa000000131ba60 EFLAGS: 00000046
[   28.687620] Call Trace:
[   28.687620]  tun_chr_read_iter+0x7a/0xe0 [tun]
[   28.687620] Kernel panic - not syncing: Fatal exception
`

func TestStrayBreakpoint(t *testing.T) {
	for name, test := range map[string]struct {
		replace, by string
		want        bool
	}{
		"as it was":               {"", "", true},
		"carriage returns":        {"\n", "\r\n", true},
		"interrupts on":           {"EFLAGS: 00000046", "EFLAGS: 00010246", false},
		"another address":         {"RIP: 0010:0x0\n", "RIP: 0010:0x08\n", false},
		"in a function":           {"RIP: 0010:0x0", "RIP: 0010:tun_do_read+0x0/0x10", false},
		"not the first":           {"[#1]", "[#2]", false},
		"a write to address 0":    {"Oops: 0010", "Oops: 0002", false},
		"more than kprobes clear": {"EFLAGS: 00000046", "EFLAGS: 00010046", true},
	} {
		console := staleKprobe
		if test.replace != "" {
			console = strings.ReplaceAll(console, test.replace, test.by)
		}
		if got := strayBreakpoint.MatchString(console); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestLinesToShow(t *testing.T) {
	lines, which := linesToShow(staleKprobe, 4)
	if len(lines) != 4 || which != "4 lines" || !strings.Contains(lines[0], "BUG: kernel NULL pointer") {
		t.Errorf("%s: %q", which, lines)
	}
	if lines, which = linesToShow(staleKprobe, 100); len(lines) != 12 || which != "the last lines" {
		t.Errorf("%s: %q", which, lines)
	}
	if lines, which = linesToShow("a\nb\nc\n", 2); !cmp.Equal(lines, []string{"b", "c"}) || which != "the last lines" {
		t.Errorf("%s: %q", which, lines)
	}
}
