package vm

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tunbench/harness/vm/guest"
)

// event is something that a line of the console reports, or that the host noticed.
type event struct {
	kind eventKind
	text string // what went wrong, where something did
}

type eventKind int

const (
	eventOutput    eventKind = iota // the guest printed something for the first time
	eventReady                      // Init runs
	eventResults                    // Init begins to hand out the results
	eventDone                       // all results were handed out
	eventError                      // Init gave up
	eventWarning                    // Init continues without something
	eventPanic                      // the kernel gave up
	eventHalted                     // the kernel prints no more: after a panic, or because it cannot power off
	eventMemory                     // the kernel ran out of memory and killed a process
	eventOops                       // the kernel hit a fault in its own code; oops=panic turns it into a panic
	eventComplaint                  // the kernel warns, and continues
	eventLost                       // what the guest handed out could not be kept on the host
)

// consoleLimit bounds what is kept of the console, in bytes.
const consoleLimit = 16 << 20

// console keeps what a guest prints, and finds the events in it.
type console struct {
	line func(string) // called with each line, may be nil
	on   func(event)

	mu      sync.Mutex // guards what follows
	kept    strings.Builder
	dropped int
	partial []byte
}

// escapes are the terminal sequences that the firmware prints.
var escapes = regexp.MustCompile("\x1b(\\[[0-9;?=]*[A-Za-z]|c)")

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept.Len() == 0 && len(c.partial) == 0 && len(p) > 0 {
		c.on(event{kind: eventOutput})
	}
	c.partial = append(c.partial, p...)
	for {
		i := strings.IndexByte(string(c.partial), '\n')
		if i < 0 {
			// A line that never ends is taken in parts.
			if len(c.partial) > 64<<10 {
				c.take(c.partial)
				c.partial = nil
			}
			return len(p), nil
		}
		c.take(c.partial[:i])
		c.partial = c.partial[i+1:]
	}
}

// take handles one whole line.
func (c *console) take(raw []byte) {
	line := strings.TrimRight(escapes.ReplaceAllString(string(raw), ""), "\r")
	line = strings.ToValidUTF8(strings.ReplaceAll(line, "\x00", ""), "?")
	if c.kept.Len()+len(line) < consoleLimit {
		c.kept.WriteString(line)
		c.kept.WriteByte('\n')
	} else {
		c.dropped += len(line) + 1
	}
	if c.line != nil {
		c.line(line)
	}
	if e, ok := parseLine(line); ok {
		c.on(e)
	}
}

// end handles the last line, which may lack its newline.
func (c *console) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.partial) > 0 {
		c.take(c.partial)
		c.partial = nil
	}
}

// text is all that was printed.
func (c *console) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.kept.String()
	if c.dropped > 0 {
		s += fmt.Sprintf("(%d more bytes were not kept)\n", c.dropped)
	}
	return s
}

// printed reports whether anything was printed.
func (c *console) printed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept.Len() > 0
}

// parseLine finds the event in a line. The kernel may have printed the beginning of
// the line before Init printed its marker.
func parseLine(line string) (event, bool) {
	if _, said, ok := strings.Cut(line, guest.Marker); ok {
		if text, ok := strings.CutPrefix(said, guest.SayError); ok {
			return event{eventError, text}, true
		}
		if text, ok := strings.CutPrefix(said, guest.SayWarning); ok {
			return event{eventWarning, text}, true
		}
		switch said {
		case guest.SayReady:
			return event{kind: eventReady}, true
		case guest.SayResults:
			return event{kind: eventResults}, true
		case guest.SayDone:
			return event{kind: eventDone}, true
		}
		return event{}, false
	}
	for _, known := range []struct {
		text string
		kind eventKind
	}{
		{"---[ end Kernel panic", eventHalted},
		{"Kernel panic - not syncing", eventPanic},
		{"Out of memory: Killed process", eventMemory},
		{"reboot: System halted", eventHalted},
		{"reboot: Power down", eventHalted},
	} {
		if i := strings.Index(line, known.text); i >= 0 {
			return event{known.kind, line[i:]}, true
		}
	}
	if m := oops.FindStringSubmatch(line); m != nil {
		return event{eventOops, m[1]}, true
	}
	if m := complaint.FindStringSubmatch(line); m != nil {
		return event{eventComplaint, m[1]}, true
	}
	return event{}, false
}

// headline is what precedes the text of a kernel message: nothing, or the time of
// printk, before which a command may have printed. Matches elsewhere in a line may
// be a command's own text.
const headline = `(?:^|\[ *[0-9]+\.[0-9]+\](?:\[ *[CT][0-9]+\])? )(?:watchdog: |rcu: )?`

var (
	// oops is how the kernel begins to report a fault in its own code: die() and its callers of
	// arch/x86/kernel/{dumpstack,traps}.c, arch/x86/mm/fault.c, arch/arm64/kernel/traps.c and
	// arch/arm64/mm/fault.c, and BUG() of lib/bug.c.
	oops = headlines(`BUG: unable to handle `, `BUG: kernel NULL pointer dereference`, `BUG: stack guard page was hit`,
		`Oops: `, `kernel BUG at `, `(?:general protection fault|invalid opcode|divide error|int3|stack segment|double fault|alignment check)[^#]*: [0-9a-f]{4} \[#[0-9]+\]`,
		`PANIC: double fault`, `Unable to handle kernel `, `Internal error: `, `Insufficient stack space to handle exception`)
	// complaint is how the kernel begins to report a problem after which it
	// continues: lockups (kernel/watchdog.c), stalls (kernel/rcu/tree_stall.h), hung tasks
	// (kernel/hung_task.c), WARN() (kernel/panic.c), sanitizers and lockdep.
	complaint = headlines(`BUG: `, `WARNING: `, `INFO: .*(?:stall|blocked for more than)`, `Watchdog detected hard LOCKUP`)
)

func headlines(begin ...string) *regexp.Regexp {
	return regexp.MustCompile(headline + `((?:` + strings.Join(begin, "|") + `).*)$`)
}

// lastLines returns the last n lines of s that are not empty.
func lastLines(s string, n int) []string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}

// linesToShow picks n lines of a console for an error, and names them: from the first fault
// in the kernel's code on, if it reported one, else the last.
func linesToShow(console string, n int) (lines []string, which string) {
	all := lastLines(console, math.MaxInt)
	fault := slices.IndexFunc(all, func(line string) bool {
		e, ok := parseLine(line)
		return ok && e.kind == eventOops
	})
	if fault >= 0 && fault < len(all)-n {
		return all[fault : fault+n], fmt.Sprintf("%d lines", n)
	}
	return lastLines(console, n), "the last lines"
}
