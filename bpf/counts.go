package bpf

import "unsafe"

// counts are the counters of a CPU or of several, word by word, as struct
// cpu_counters lays them out: sums, but for those from extremes to queues.
type counts []uint64

const (
	word       = unsafe.Sizeof(uint64(0))
	atMin      = unsafe.Offsetof(tunobsCpuCounters{}.Min) / word
	atMax      = unsafe.Offsetof(tunobsCpuCounters{}.Max) / word
	atQueues   = unsafe.Offsetof(tunobsCpuCounters{}.Queues) / word // Go adds a byte behind it
	queueWords = unsafe.Sizeof(tunobsQueueCounters{}) / word
)

// add adds what CPUs have counted from base to now, and the extremes of now.
func (sum counts) add(base, now counts) {
	for cpu := 0; cpu < len(now); cpu += len(sum) {
		from, to := base[cpu:cpu+len(sum)], now[cpu:cpu+len(sum)]
		for i := range sum {
			if i < int(atMin) || i >= int(atQueues) {
				sum[i] += to[i] - from[i]
			}
		}
		sum[atMin], sum[atMax] = max(sum[atMin], to[atMin]), max(sum[atMax], to[atMax])
	}
}

// cpu is the counters without those of queues.
func (sum counts) cpu() *tunobsCpuCounters { return (*tunobsCpuCounters)(unsafe.Pointer(&sum[0])) }

func (sum counts) queues() []tunobsQueueCounters {
	rest := sum[atQueues:]
	return unsafe.Slice((*tunobsQueueCounters)(unsafe.Pointer(&rest[0])), len(rest)/int(queueWords))
}
