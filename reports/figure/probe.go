package figure

import "tunbench/reports/record"

// ProbesLost is the share of the requests of probes that had no answer, over some trials.
func ProbesLost(trials []*record.Trial) float64 {
	var sent, lost uint64
	for _, t := range trials {
		if p := t.Probe; p != nil {
			sent += p.Requests
			lost += p.Requests - min(p.Requests, p.Received)
		}
	}
	if sent == 0 {
		return 0
	}
	return float64(lost) / float64(sent)
}
