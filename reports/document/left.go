package document

import (
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// mostLeft is how many scenarios a line names; of more it gives the number.
const mostLeft = 4

// LeftOut says which scenarios have trials of an arm but no valid one, and are missing where
// it stands; nothing where there are none.
func LeftOut(list []*figure.Scenario, arm record.Arm) prose.Prose {
	title := figure.Titles(list)
	var names []prose.Prose
	for _, s := range list {
		if s.Arm(arm).Invalid {
			names = append(names, prose.Say(prose.Mono(title(s))))
		}
	}
	if len(names) == 0 {
		return nil
	}
	n := len(names)
	if n > mostLeft {
		names = nil
	}
	return book.Say("left out", prose.Values{"N": n, "Arm": string(arm), "Names": names})
}

// WithLeftOut adds LeftOut behind the blocks of a section.
func WithLeftOut(blocks []Block, list []*figure.Scenario, arm record.Arm) []Block {
	if left := LeftOut(list, arm); len(left) > 0 {
		blocks = append(blocks, Small(left))
	}
	return blocks
}

// OfFew says how many trials of an arm are valid; "" where all are.
func OfFew(a figure.Arm) string {
	if len(a.Used) == len(a.All) {
		return ""
	}
	return book.Text("valid of", prose.Values{"Valid": len(a.Used), "Of": len(a.All)})
}

// WithFew is the title of a scenario, with how many trials of the arm are valid if not all.
func WithFew(title string, a figure.Arm) string {
	if n := OfFew(a); n != "" {
		return title + " (" + n + ")"
	}
	return title
}
