package trust

import (
	"fmt"
	"slices"

	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// Ended says why the run ended with exit code 2: that tunbench failed or, where nothing
// failed, that nothing was measured. It says nothing of a run that ended otherwise.
func Ended(f *record.File) prose.Prose {
	if f.End == nil || f.End.Exit != 2 {
		return nil
	}
	byReason, n := map[string]int{}, 0
	seen := map[string]bool{} // scenarios
	for _, s := range f.Skips {
		if !seen[s.Scenario] {
			seen[s.Scenario] = true
			byReason[s.Reason]++
			n++
		}
	}
	failed := slices.ContainsFunc(f.Skips, func(s record.Skip) bool { return s.Reason == record.Failed })
	if failed || len(f.Trials) > 0 || n == 0 {
		return book.Say("failed", nil)
	}
	var reasons []string
	other := n // whose reason a later tunbench gave
	for _, reason := range []string{record.Unsupported, record.Missing, record.Unprivileged} {
		if byReason[reason] > 0 {
			reasons = append(reasons, fmt.Sprint(byReason[reason], " ", reason))
			other -= byReason[reason]
		}
	}
	if other > 0 {
		reasons = append(reasons, fmt.Sprint(other, " other"))
	}
	return book.Say("nothing measured", prose.Values{"N": n, "Reasons": reasons})
}
