package record

import "slices"

// Flags of a Trial. Each says that a figure of the trial is to be read with
// care; reports tell what to do about it.
const (
	FlagUnsteady         = "unsteady"          // windows differ by more than the gate allows
	FlagGeneratorLimited = "generator-limited" // the sender, not the device, set the rate
	FlagSteal            = "steal"             // more than 1 % of the CPU time was stolen: invalid
	FlagUnexplained      = "unexplained"       // packets are missing that nothing accounts for: invalid
	FlagOversubscribed   = "oversubscribed"    // more workers than CPUs: measures the scheduler too
	FlagDuplicates       = "duplicates"        // the reader saw a packet twice
	FlagReordered        = "reordered"         // the reader saw packets of a flow out of order
	FlagMissedSamples    = "missed-samples"    // more than 1 % of the residency samples were overwritten
	FlagMissedEvents     = "missed-events"     // the kernel skipped runs of an observer program: counts are low
	FlagLostReturns      = "lost-returns"      // the observer did not see all calls return: what it counts there is left out
	FlagUnsettled        = "unsettled"         // in virtual time, no five blocks in a row agreed to 0.1 %
	FlagNoTraffic        = "no-traffic"        // nothing was delivered in the measured time: invalid
	FlagLate             = "late"              // more than 1 % of the sends missed their schedule: invalid
	FlagForeignLoad      = "foreign-load"      // other programs ran on the pinned CPUs
	FlagPressure         = "pressure"          // tasks waited for a CPU, by the kernel's PSI
	FlagThrottled        = "throttled"         // a CPU was throttled, or changed its frequency, or a CPU quota ran out
	FlagCPUQuota         = "cpu-quota"         // the CPU quota of a cgroup ran out: invalid
	FlagClockStep        = "clock-step"        // the clock jumped during the trial: invalid
	FlagBadVnet          = "bad-vnet"          // virtio-net headers or checksums were wrong: invalid
)

// LeastMeasureNs is the least measured time of a trial whose rate may be quoted:
// ten ticks of 10 ms, in which the kernel counts CPU time. In less it cannot be
// told whether the host disturbed a trial, and a handful of packets makes a rate.
const LeastMeasureNs = 100_000_000

var disturbing = []string{FlagSteal, FlagForeignLoad, FlagPressure, FlagThrottled}

// Invalidates tells whether a trial with that flag is invalid.
func Invalidates(flag string) bool { return slices.Contains(invalidating, flag) }

var invalidating = []string{FlagSteal, FlagUnexplained, FlagNoTraffic, FlagLate, FlagClockStep, FlagBadVnet, FlagCPUQuota}
