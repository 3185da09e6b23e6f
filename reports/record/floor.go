package record

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Floor is what the bare system calls cost on this host in this run.
type Floor struct {
	SyscallNs float64 `json:"syscall_ns"`
	// CopyNs maps a size in bytes to the time in which the kernel copies that
	// much to user space in one read, the system call left out.
	CopyNs map[string]float64 `json:"copy_ns"`
}

// Fault says what about f is impossible, so that nothing can be held against it;
// "" if nothing is, or nothing was measured. A host that was disturbed while the
// floor was measured leaves such figures.
func (f Floor) Fault() string {
	type copied struct {
		size uint64
		ns   float64
	}
	var list []copied
	for size, ns := range f.CopyNs {
		if n, err := strconv.ParseUint(size, 10, 64); err == nil {
			list = append(list, copied{n, ns})
		}
	}
	slices.SortFunc(list, func(a, b copied) int { return cmp.Compare(a.size, b.size) })
	for i, c := range list {
		switch {
		case !(c.ns > 0):
			return fmt.Sprintf("a copy of %d bytes took %.0f ns", c.size, c.ns)
		case c.size <= smallCopy && f.SyscallNs > 0 && c.ns > mostCalls*f.SyscallNs:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, a bare system call %.0f ns", c.size, c.ns, f.SyscallNs)
		case i > 0 && c.ns < floorSlack*list[i-1].ns:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, one of %d bytes %.0f ns", list[i-1].size, list[i-1].ns, c.size, c.ns)
		}
	}
	return ""
}

// Bounds of a floor that can be. They are wide: a busy host scatters the figures of
// an honest one.
const (
	floorSlack = 0.75 // a copy of more bytes takes at least this share of one of fewer
	mostCalls  = 20   // a copy of a small packet takes at most that many system calls' time
	smallCopy  = 1500 // bytes
)
