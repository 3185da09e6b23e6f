package record

// Hook tells how the observer looked into the kernel, and why so.
type Hook struct {
	Requested  string       `json:"requested"`
	Used       string       `json:"used"`
	PassedOver []PassedOver `json:"passed_over"`
	Programs   []Program    `json:"programs"`
}

// PassedOver is a rung of the ladder that was not taken.
type PassedOver struct {
	Hook   string `json:"hook"`
	Reason string `json:"reason"`
}

// Program is one BPF program of the observer.
type Program struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // kprobe, kretprobe, fentry, fexit, tracepoint
	Target string `json:"target"`
}
