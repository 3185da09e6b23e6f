package trust

import (
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// advice says what a flag means and what to do about it.
type advice struct {
	flag, meaning, next string
}

// order has the flags in the order in which they are worth a look: what makes a trial
// invalid first. What is a fact of the host is not among them.
var order = []string{
	record.FlagUnexplained, record.FlagBadVnet, record.FlagCorrupt, record.FlagLate, record.FlagUnsettled, record.FlagNoTraffic,
	record.FlagSteal, record.FlagCPUQuota, record.FlagClockStep, record.FlagGeneratorLimited,
	record.FlagUnsteady, record.FlagForeignLoad, record.FlagPressure,
	record.FlagThrottled, record.FlagMissedEvents, record.FlagLostReturns, record.FlagMissedSamples,
	record.FlagReordered, record.FlagDuplicates, record.FlagShort, record.FlagEmulated,
	record.FlagLinkFull,
}

// scene is what the trials with a flag do already: advice does not tell them to.
type scene struct {
	run    *record.Run
	trials []*record.Trial // with the flag
	alone  bool            // the run has one scenario
	single bool            // the run has one trial of each scenario
}

// all reports whether each of the trials has one of the values on the axis. A value of ""
// is the default.
func (s scene) all(name string, values ...string) bool {
	return !slices.ContainsFunc(s.trials, func(t *record.Trial) bool { return !slices.Contains(values, axis.Of(t, name)) })
}

// spare reports whether some trial left a CPU of the host unused.
func (s scene) spare() bool {
	return slices.ContainsFunc(s.trials, func(t *record.Trial) bool {
		used := map[int]bool{}
		for _, cpu := range slices.Concat(t.CPUs.Sender, t.CPUs.Reader, t.CPUs.Carrier, t.CPUs.Probe) {
			used[cpu] = true
		}
		return len(used) < s.run.Host.CPUs
	})
}

// faster names the generators that are faster than those of the trials.
func (s scene) faster() string {
	if !s.all("gen", "udp", "", "packet") {
		return ""
	}
	var list []string
	for _, g := range []string{"udp-gso", "packet"} {
		if g != "packet" || s.all("gen", "udp", "") {
			list = append(list, "gen="+g)
		}
	}
	return strings.Join(list, " or ")
}

// adviceOn is the advice on a flag to the trials of s. A flag of a later version is not
// known.
func adviceOn(flag string, s scene) advice {
	known := flag
	if !book.Has("flag " + flag + " means") {
		known = "unknown"
	}
	a := advice{flag: flag, meaning: book.Text("flag "+known+" means", nil)}
	if book.Has("flag " + known + " next") {
		a.next = book.Text("flag "+known+" next", nil)
		return a
	}
	a.next = s.next(flag)
	return a
}

// On says what a flag means, and what trials of a scenario that have it should do about it.
func On(flag string, run *record.Run, trials []*record.Trial) (meaning, next string) {
	with := slices.DeleteFunc(slices.Clone(trials), func(t *record.Trial) bool { return !slices.Contains(t.Flags, flag) })
	a := adviceOn(flag, scene{run: run, trials: with, single: len(trials) == 1})
	return a.meaning, a.next
}

// otherHooks are the hooks that the run did not use and has not found to be unavailable.
func (s scene) otherHooks() (list []string) {
	for _, hook := range []string{"kprobe", "fentry", "tracepoint"} {
		passed := slices.ContainsFunc(s.run.Hook.PassedOver, func(p record.PassedOver) bool { return p.Hook == hook })
		if hook != s.run.Hook.Used && !passed {
			list = append(list, hook)
		}
	}
	return list
}

// change is what to change about a flag that the same trial would get again; "" where a
// command helps.
func (s scene) change(flag string) string {
	switch flag {
	case record.FlagLate:
		return book.Text("change for late", prose.Values{"Spare": s.spare(), "Shared": s.run.Host.CPUs > 0, "CPUs": s.run.Host.CPUs})
	case record.FlagSteal:
		return book.Text("change for steal", nil)
	case record.FlagLinkFull:
		return book.Text("change for link-full", prose.Values{"Delayed": !s.all("delay", "", "off")})
	}
	return ""
}

// next is what to do about a flag, where that depends on what the trials do already.
func (s scene) next(flag string) string {
	switch flag {
	case record.FlagUnexplained:
		return book.Text("next for unexplained", prose.Values{"Alone": s.alone})
	case record.FlagBadVnet:
		return book.Text("next for bad-vnet", prose.Values{"Alone": s.alone})
	case record.FlagCorrupt:
		return book.Text("next for corrupt", prose.Values{"Alone": s.alone})
	case record.FlagNoTraffic:
		return book.Text("next for no-traffic", prose.Values{"Alone": s.alone})
	case record.FlagDuplicates:
		return book.Text("next for duplicates", prose.Values{"Alone": s.alone})
	case record.FlagLate:
		return book.Text("next for late", prose.Values{"Spare": s.spare()})
	case record.FlagForeignLoad:
		return book.Text("next for foreign-load", prose.Values{"Spare": s.spare()})
	case record.FlagLinkFull:
		return book.Text("next for link-full", prose.Values{"Delayed": !s.all("delay", "", "off")})
	case record.FlagGeneratorLimited:
		return book.Text("next for generator-limited", prose.Values{"Spare": s.spare(), "Faster": s.faster()})
	case record.FlagUnsteady:
		return book.Text("next for unsteady", prose.Values{"Single": s.single})
	case record.FlagThrottled:
		return book.Text("next for throttled", prose.Values{"Performance": s.run.Host.Governor == "performance"})
	case record.FlagMissedEvents:
		return book.Text("next for missed-events", prose.Values{"Others": strings.Join(s.otherHooks(), ", "), "Several": !s.all("queues", "", "1")})
	case record.FlagMissedSamples:
		return book.Text("next for missed-samples", prose.Values{"Closed": s.all("load", "", "max")})
	case record.FlagReordered:
		return book.Text("next for reordered", prose.Values{
			"Asked":   !slices.ContainsFunc(s.trials, func(t *record.Trial) bool { v := axis.Of(t, "reorder"); return v == "" || v == "off" }),
			"Steered": !slices.ContainsFunc(s.trials, func(t *record.Trial) bool { return !strings.HasPrefix(axis.Of(t, "steer"), "ebpf") }),
		})
	}
	return ""
}
