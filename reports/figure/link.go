package figure

import "tunbench/reports/record"

// LinkEnd is what became of the packets that left a host by its link, over some trials.
type LinkEnd struct {
	Link record.Link // as it was asked for
	record.LinkEnd
}

// Links sums up the links of trials of one scenario, which have the same ends; none if they are
// perfect.
func Links(trials []*record.Trial) (ends []LinkEnd) {
	for _, t := range trials {
		if t.Link == nil {
			continue
		}
		for i, e := range t.Link.Ends {
			if i == len(ends) {
				ends = append(ends, LinkEnd{Link: *t.Link, LinkEnd: record.LinkEnd{Device: e.Device}})
			}
			ends[i].Passed += e.Passed
			ends[i].Dropped += e.Dropped
			ends[i].Full += e.Full
		}
	}
	return ends
}
