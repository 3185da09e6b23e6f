package account

import (
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// WrongSum is the kernel's drop reason of a datagram with a wrong checksum.
const WrongSum = "UDP_CSUM"

// ThrownAway is what receiving stacks lost of a direction ("" is all), of the packets or GSO
// packets that they lost by reason: as far as packets are missing, since other traffic of their
// hosts is among them.
func ThrownAway(t *record.Trial, dir spec.Dir, lost map[string]uint64, perSKB uint64) map[string]uint64 {
	a := t.Accounting
	if d, ok := t.Directions[string(dir)]; ok {
		a = d.Accounting
	}
	segments := map[string]uint64{}
	for reason, n := range lost {
		segments[reason] = n * perSKB
	}
	return Share(min(sum(segments), uint64(max(0, Unexplained(a)))), segments)
}

// Blame names who spoilt packets that a stack threw away for a reason: behind a program of
// others, that program.
func Blame(s spec.Spec, reason string) string {
	switch s.Path {
	case spec.PathWireGuardGo:
		return string(s.Path) + " " + reason
	case spec.PathProgram:
		return s.Program + " " + reason
	}
	return reason
}
