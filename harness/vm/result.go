package vm

import (
	"fmt"
	"strings"
	"time"

	"tunbench/harness/vm/guest"
)

// Result is what came of a Job.
type Result struct {
	Commands   []guest.CommandResult
	Files      map[string][]byte // below guest.OutDir, by path relative to it
	Console    string            // all that the guest printed on its console
	Accel      string            // "kvm" or "tcg"
	PassedOver string            // why KVM was not used although it was allowed; or ""
	BootTime   time.Duration     // from QEMU's start to Init's first line
	Transfer   time.Duration     // how long the results took from guest to host
}

// BootError reports a boot that did not complete.
type BootError struct {
	Err     error
	Release string // of the kernel
	Accel   string
	Console string // all that the guest printed
}

// shownLines is the number of lines of the console that an error shows: the last ones
// or, of a fault in the kernel, the first.
const shownLines = 30

func (e *BootError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "boot kernel %s under %s: %v", e.Release, e.Accel, e.Err)
	lines, which := linesToShow(e.Console, shownLines)
	if len(lines) == 0 {
		b.WriteString("\nthe console is empty")
		return b.String()
	}
	b.WriteString("\n" + which + " of the console:")
	for _, line := range lines {
		b.WriteString("\n  | " + line)
	}
	return b.String()
}

func (e *BootError) Unwrap() error { return e.Err }
