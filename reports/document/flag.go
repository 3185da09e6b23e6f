package document

import "tunbench/reports/record"

// Advice says what a flag means and what to do about it.
type Advice struct {
	Flag, Meaning, Next string
}

// Advices are in the order in which flags are worth a look: what makes a trial
// invalid first.
var Advices = advices(
	record.FlagUnexplained, record.FlagBadVnet, record.FlagCorrupt, record.FlagLate, record.FlagUnsettled, record.FlagNoTraffic,
	record.FlagSteal, record.FlagCPUQuota, record.FlagClockStep, record.FlagGeneratorLimited,
	record.FlagOversubscribed, record.FlagUnsteady, record.FlagForeignLoad, record.FlagPressure,
	record.FlagThrottled, record.FlagMissedEvents, record.FlagLostReturns, record.FlagMissedSamples,
	record.FlagReordered, record.FlagDuplicates, record.FlagShort, record.FlagEmulated,
	record.FlagLinkFull,
)

func advices(flags ...string) (list []Advice) {
	for _, flag := range flags {
		list = append(list, AdviceOn(flag))
	}
	return list
}

// AdviceOn is the advice on a flag. A flag of a later version is not known.
func AdviceOn(flag string) Advice {
	known := flag
	if !book.Has("flag " + flag + " means") {
		known = "unknown"
	}
	return Advice{flag, book.Text("flag "+known+" means", nil), book.Text("flag "+known+" next", nil)}
}

// DropMeaning explains the reason of a drop; "" where it is not known.
func DropMeaning(reason string) string {
	if !book.Has("drop " + reason) {
		return ""
	}
	return book.Text("drop "+reason, nil)
}

// SkipMeaning explains the reason of a skip; "" where it is not known.
func SkipMeaning(reason string) string {
	if !book.Has("skip " + reason) {
		return ""
	}
	return book.Text("skip "+reason, nil)
}
