package bpf

import (
	"math"
	"slices"
	"unsafe"

	"tunbench/bpf/hist"
)

// layout is how the counters lie in memory.
type layout struct {
	room  int  // for queues, a power of two
	shift uint // 1 << shift buckets of a histogram are one
}

// histBudget bounds the histograms of all CPUs and queues, in bytes. With 16 queues on
// 16 CPUs, which take 3.2 MB, they have all buckets.
const histBudget = 4 << 20

// layoutFor leaves no more buckets than fit.
func layoutFor(cpus, room int) layout {
	l := layout{room: room}
	for l.shift < 5 && cpus*room*l.histWords()*int(word) > histBudget {
		l.shift++
	}
	return l
}

const (
	word       = unsafe.Sizeof(uint64(0))
	atLate     = unsafe.Offsetof(tunobsCpuCounters{}.LatePkts) / word // sums are before it
	atQueues   = unsafe.Offsetof(tunobsCpuCounters{}.Queues) / word   // Go adds a byte behind it
	queueWords = unsafe.Sizeof(tunobsQueueCounters{}) / word
	maxQueues  = 256 // MAX_QUEUES of counters.bpf.h

	depthBuckets = 512 // DEPTH_BUCKETS
)

// Words of the histograms of a queue: enum hist_word.
const (
	histOverflow = iota
	histMissed
	histMin
	histMax
	histDeepest
	histHead = 8
)

// cpuBytes is how many bytes the counters of a CPU take.
func (l layout) cpuBytes() uintptr { return (atQueues + uintptr(l.room)*queueWords) * word }

// histWords is how many words the histograms of a queue on a CPU take.
func (l layout) histWords() int { return histHead + (hist.Buckets+depthBuckets)>>l.shift }

// histBytes is how many bytes the histograms of a CPU take.
func (l layout) histBytes() uintptr { return uintptr(l.room*l.histWords()) * word }

// counts are counters, as they were read or summed up.
type counts struct {
	layout
	// words are those of a CPU or of several, as struct cpu_counters lays them out: sums, but
	// for those from atLate to atQueues.
	words  []uint64
	hists  []uint64           // the histograms of a CPU or of several
	calls  []tunobsReadCalls  // of tun_do_read, by queue
	errors []tunobsCallErrors // of readers and of writers
}

// newCounts are those of so many CPUs.
func newCounts(cpus int, l layout) counts {
	return counts{
		layout: l,
		words:  make([]uint64, cpus*int(l.cpuBytes()/word)),
		hists:  make([]uint64, cpus*int(l.histBytes()/word)),
		calls:  make([]tunobsReadCalls, maxQueues),
		errors: make([]tunobsCallErrors, 2),
	}
}

func (sum counts) clone() counts {
	sum.words, sum.hists = slices.Clone(sum.words), slices.Clone(sum.hists)
	sum.calls, sum.errors = slices.Clone(sum.calls), slices.Clone(sum.errors)
	return sum
}

// add adds what CPUs have counted from base to now, and the extremes of now.
func (sum counts) add(base, now counts) {
	for cpu := 0; cpu < len(now.words); cpu += len(sum.words) {
		from, to := base.words[cpu:cpu+len(sum.words)], now.words[cpu:cpu+len(sum.words)]
		for i := range sum.words {
			if i < int(atLate) || i >= int(atQueues) {
				sum.words[i] += to[i] - from[i]
			}
		}
	}
	for at := range now.hists {
		i := at % len(sum.hists)
		switch i % sum.histWords() {
		case histMin, histMax, histDeepest:
			sum.hists[i] = max(sum.hists[i], now.hists[at])
		default:
			sum.hists[i] += now.hists[at] - base.hists[at]
		}
	}
	for i := range sum.errors {
		for errno := range sum.errors[i].Calls {
			sum.errors[i].Calls[errno] += now.errors[i].Calls[errno] - base.errors[i].Calls[errno]
		}
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

// residency is the histogram of the time that packets stayed in a queue, and how many
// dequeues it misses.
func (sum counts) residency(queue int) (h hist.Histogram, missed uint64) {
	words := sum.ofQueue(queue)
	h.Overflow, h.Max = words[histOverflow], words[histMax]
	sum.spread(&h, words[histHead:histHead+hist.Buckets>>sum.shift])
	if h.Count+h.Overflow > 0 {
		h.Min = ^words[histMin]
	}
	return h, words[histMissed]
}

// depth is the histogram of the packets that stood in the ring of a queue.
func (sum counts) depth(queue int) (h hist.Histogram) {
	words := sum.ofQueue(queue)
	h.Max = words[histDeepest]
	sum.spread(&h, words[histHead+hist.Buckets>>sum.shift:])
	for i, n := range h.Bucket {
		if n > 0 {
			h.Min = min(hist.Lower(i), h.Max)
			break
		}
	}
	return h
}

func (sum counts) ofQueue(queue int) []uint64 {
	at := queue * sum.histWords()
	return sum.hists[at : at+sum.histWords()]
}

// spread fills h from buckets of which each stands for several: it counts in their middle.
func (sum counts) spread(h *hist.Histogram, buckets []uint64) {
	for i, n := range buckets {
		h.Bucket[i<<sum.shift+1<<sum.shift>>1] += n
		h.Count += n
	}
}

// Error is how far the middle of a bucket is at most from a value in it, as a share of the
// value.
func (l layout) err() float64 { return math.Ldexp(1, int(l.shift)-6) }
