package record

import "slices"

// Hooks by which the observer can attach to the kernel, as a run's header and the
// flag --hook name them.
const (
	HookAuto       = "auto" // the first of Hooks that attaches
	HookKprobe     = "kprobe"
	HookFentry     = "fentry"
	HookTracepoint = "tracepoint"
	HookNone       = "none" // no observer, as in bare trials
)

// Hooks lists the hooks that observe, in the order in which HookAuto tries them.
var Hooks = []string{HookKprobe, HookFentry, HookTracepoint}

// HookNames lists the hooks that may be requested: HookAuto, Hooks and HookNone.
func HookNames() []string { return slices.Concat([]string{HookAuto}, Hooks, []string{HookNone}) }

// Clocks of a run.
const (
	ClockMonotonic = "monotonic"
	// ClockICount is virtual time: a nanosecond is an instruction of the guest.
	ClockICount = "icount"
)

// QdiscDrop is the kernel's reason for packets that a qdisc dropped, and never gave to the
// device.
const QdiscDrop = "QDISC_DROP"

// Axes names all axes, in the order in which they stand in a scenario's name. A
// new axis goes to the end.
var Axes = []string{
	"mode", "path", "dir", "gen", "io", "queues", "flows", "size", "vnet", "offload", "pi", "napi", "xdp", "steer",
	"qdisc", "txqlen", "sndbuf", "load", "cipher", "ip", "bypass", "spacing", "pause", "filter", "event",
	"senders", "backpressure", "tail", "delay", "drop", "reorder", "probe", "copy", "program", "bridge", "payload", "module",
}
