package worker

import (
	"runtime"
	"runtime/debug"
	"testing"
)

var keep []byte // what is allocated is not optimized away

// collections says how many collections began while 256 MiB were made and left.
func collections() uint32 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 256 {
		keep = make([]byte, 1<<20)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

// TestQuiet: nothing is collected, or only what is more than the garbage that may be left,
// and afterwards the runtime is as it was.
func TestQuiet(t *testing.T) {
	percent := debug.SetGCPercent(73)
	limit := debug.SetMemoryLimit(1 << 40)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	restore := Quiet(1, 0)
	if n := collections(); n > 0 {
		t.Errorf("%d collections", n)
	}
	restore()
	debug.FreeOSMemory() // what is used again is no growth
	restore = Quiet(1, 64<<20)
	if n := collections(); n < 2 || n > 64 {
		t.Errorf("%d collections of 256 MiB, 64 of which may be left", n)
	}
	restore()
	if got, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(-1); got != 73 || limit != 1<<40 {
		t.Errorf("afterwards %d %% and a limit of %d bytes", got, limit)
	}
}
