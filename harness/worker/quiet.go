package worker

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Quiet keeps Go's runtime out of the way of that many workers, each of which holds a
// processor of the scheduler: there are some to spare, and no garbage is collected until
// restore is called. While readers wait in read(2) none could be: they make raw system
// calls, which the runtime cannot stop.
//
// With garbage above 0, a collection begins when the memory of the process has grown by so
// many bytes. It waits for each worker to return from its call, and so is only for workers
// all of whose calls end by themselves.
func Quiet(workers int, garbage int64) (restore func()) {
	const spare = 4
	if want := runtime.NumCPU() + workers + spare; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	runtime.GC()
	limit := int64(math.MaxInt64)
	if garbage > 0 {
		limit = held() + garbage
	}
	limit = debug.SetMemoryLimit(limit)
	percent := debug.SetGCPercent(-1)
	return func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}
}

// held is the memory in bytes that a limit is compared with: what the runtime has mapped, less
// what it has given back.
func held() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
