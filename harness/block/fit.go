package block

import (
	"math"

	"golang.org/x/sys/unix"

	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
)

const (
	// mostTogether is how many variants are measured in one block at most: with more,
	// the windows of a round are too far apart to be the same host.
	mostTogether = 128
	// What a session takes at most: for itself, for each of its workers, for each queue of a
	// device, by itself or with vhost-net behind it, and for each socket of a flow.
	sessionDescriptors, workerDescriptors  = 40, 4
	queueDescriptors, vhostDescriptors     = 2, 10
	sessionBytes, workerBytes, socketBytes = 6 << 20, 2 << 20, 16 << 10
)

// Fit is how many of the first variants can be there at the same time on this host, by
// descriptors and memory; at least one.
func Fit(variants []trial.Variant) int {
	descriptors, memory := room()
	for i, v := range variants {
		workers := trial.Workers(v.Spec)
		// Twice: its yardstick may be its own.
		descriptors -= 2 * descriptorsOf(v.Spec, workers)
		memory -= 2 * memoryOf(v.Spec, workers)
		if i > 0 && (i == mostTogether || descriptors < 0 || memory < 0) {
			return i
		}
	}
	return len(variants)
}

// descriptorsOf is how many descriptors a session of s has at most, with so many workers.
func descriptorsOf(s spec.Spec, workers int) int64 {
	const devices = 2
	each := queueDescriptors
	if s.IO == spec.IOVhost {
		each = vhostDescriptors
	}
	return int64(sessionDescriptors + workers*workerDescriptors + devices*s.Queues*each + socketsOf(s))
}

// memoryOf is how many bytes it takes.
func memoryOf(s spec.Spec, workers int) int64 {
	return int64(sessionBytes + workers*workerBytes + socketsOf(s)*socketBytes)
}

// socketsOf is how many sockets the flows of s have: one each or, where both ends of a flow
// know each other, two, in each direction. What is written to a device comes from none.
func socketsOf(s spec.Spec) int {
	if !s.Loopback && (s.Path == spec.PathBridge || s.Path == spec.PathSink && s.Dir == spec.U2K) {
		return 0
	}
	n := s.Flows
	if s.Gen.Conversation() {
		n *= 2
	}
	if s.Dir == spec.Both {
		n *= 2
	}
	return n
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
