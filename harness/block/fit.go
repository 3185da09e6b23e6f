package block

import (
	"math"

	"golang.org/x/sys/unix"

	"tunbench/harness/host"
	"tunbench/harness/trial"
)

const (
	// mostTogether is how many variants are measured in one block at most: with more,
	// the windows of a round are too far apart to be the same host.
	mostTogether = 128
	// What a session takes at most: for itself, and for each of its workers.
	sessionDescriptors, workerDescriptors = 40, 8
	sessionBytes, workerBytes             = 6 << 20, 2 << 20
)

// Fit is how many of the first variants can be there at the same time on this host, by
// descriptors and memory; at least one.
func Fit(variants []trial.Variant) int {
	descriptors, memory := room()
	for i, v := range variants {
		workers := int64(2*v.Spec.Queues + 2*v.Spec.Flows%64)
		// Twice: its yardstick may be its own.
		descriptors -= 2 * (sessionDescriptors + workers*workerDescriptors)
		memory -= 2 * (sessionBytes + workers*workerBytes)
		if i > 0 && (i == mostTogether || descriptors < 0 || memory < 0) {
			return i
		}
	}
	return len(variants)
}

// room is how many descriptors and bytes of memory a block may use.
func room() (descriptors, bytes int64) {
	const reserve = 64 // of descriptors, for everything else
	descriptors, bytes = math.MaxInt32, math.MaxInt64
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < math.MaxInt32 {
		descriptors = int64(limit.Cur) - reserve
	}
	if available := host.MemoryAvailable(); available > 0 {
		bytes = available / 2
	}
	return descriptors, bytes
}
