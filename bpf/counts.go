package bpf

import "unsafe"

// counts are counters, as they were read or summed up.
type counts struct {
	// words are those of a CPU or of several, as struct cpu_counters lays them out: sums,
	// but for those from the extremes to the queues.
	words []uint64
	calls []tunobsReadCalls // of tun_do_read, by queue
}

const (
	word       = unsafe.Sizeof(uint64(0))
	atMin      = unsafe.Offsetof(tunobsCpuCounters{}.Min) / word
	atMax      = unsafe.Offsetof(tunobsCpuCounters{}.Max) / word
	atQueues   = unsafe.Offsetof(tunobsCpuCounters{}.Queues) / word // Go adds a byte behind it
	queueWords = unsafe.Sizeof(tunobsQueueCounters{}) / word
	maxQueues  = 256 // MAX_QUEUES of counters.bpf.h
)

// newCounts are those of so many CPUs, with room for so many queues.
func newCounts(cpus, room int) counts {
	return counts{make([]uint64, cpus*int(stride(room)/word)), make([]tunobsReadCalls, maxQueues)}
}

// stride is how many bytes the counters of a CPU take.
func stride(room int) uintptr { return (atQueues + uintptr(room)*queueWords) * word }

// add adds what CPUs have counted from base to now, and the extremes of now.
func (sum counts) add(base, now counts) {
	for cpu := 0; cpu < len(now.words); cpu += len(sum.words) {
		from, to := base.words[cpu:cpu+len(sum.words)], now.words[cpu:cpu+len(sum.words)]
		for i := range sum.words {
			if i < int(atMin) || i >= int(atQueues) {
				sum.words[i] += to[i] - from[i]
			}
		}
		sum.words[atMin], sum.words[atMax] = max(sum.words[atMin], to[atMin]), max(sum.words[atMax], to[atMax])
	}
	for i := range sum.calls {
		sum.calls[i].Calls += now.calls[i].Calls - base.calls[i].Calls
	}
}

// cpu is the counters without those of queues.
func (sum counts) cpu() *tunobsCpuCounters {
	return (*tunobsCpuCounters)(unsafe.Pointer(&sum.words[0]))
}

func (sum counts) queues() []tunobsQueueCounters {
	rest := sum.words[atQueues:]
	return unsafe.Slice((*tunobsQueueCounters)(unsafe.Pointer(&rest[0])), len(rest)/int(queueWords))
}
