package record

// Link is the link below a path that is not perfect: what was asked of it, and what it did
// with the packets of each host.
type Link struct {
	DelayNs int64   `json:"delay_ns"` // of each packet
	Drop    float64 `json:"drop"`     // share of the packets that are to be lost
	Reorder float64 `json:"reorder"`  // share of the packets that are not delayed
	Limit   int     `json:"limit"`    // packets or GSO packets that it holds at most
	// Ends are its devices, those of the first host and of the second.
	Ends []LinkEnd `json:"ends"`
}

// LinkEnd is what became of the packets that left a host by a link, from when the path was
// built to the end of the trial.
type LinkEnd struct {
	Device  string `json:"device"`
	Passed  uint64 `json:"passed"`  // packets, in wire segments
	Dropped uint64 `json:"dropped"` // packets or GSO packets that were lost on purpose
	Full    uint64 `json:"full"`    // packets or GSO packets beyond the limit: the link then is not the one that was asked for
}

// Reasons under which packets count that a link did not carry.
const (
	LinkDrop = "LINK_DROP" // lost on purpose, as the axis drop says
	LinkFull = "LINK_FULL" // beyond the limit of the link
)
