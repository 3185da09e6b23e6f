package watch

import "time"

// Options say what to watch, and how.
type Options struct {
	Device   string
	Netns    string        // a name, the path of a file, or the number of a process; "": wherever a device of that name is
	Wait     bool          // for a device that is not there, also one that went away
	Hook     string        // auto, kprobe, fentry, tracepoint or none
	Returns  bool          // count errors of reads and writes, by programs on returns
	Flows    bool          // count packets by flow
	Cost     bool          // measure what the observer changes, in one half of each interval
	Interval time.Duration // above 0
	// Say is told what happens to the device, and what cannot be observed.
	Say func(format string, args ...any)
}

const (
	// lookEvery is how often a device that is not there is looked for.
	lookEvery = 100 * time.Millisecond
	// ownersEvery is how often owners are looked for, at most: that reads the
	// descriptors of all processes.
	ownersEvery = 5 * time.Second
	// fewPPS is the rate below which each packet is timed, and twice that the rate above which
	// one in sampleEvery is: at a low rate the next packet often takes the place in memory of
	// the last, so that a choice of places would not be a choice of packets.
	fewPPS      = 50_000
	sampleEvery = 16
	// phase is how long the observer is there, or away, while its cost is measured, and settle
	// what passes of it before packets count. A shared host changes its speed within tenths of a
	// second.
	phase  = 50 * time.Millisecond
	settle = 8 * time.Millisecond
)
