package spec

import (
	"slices"
	"testing"
)

// Stamped packets take turns with other trials on each path. TCP does not where it passes a
// program or a VPN, and would begin anew after each pause; nor does any conversation with a
// program, which is slow to empty.
func TestWhoTakesTurns(t *testing.T) {
	all := []Gen{GenUDP, GenTCP, GenTCPRR, GenUDPRR}
	for path, without := range map[Path][]Gen{
		PathProgram:     {GenTCP, GenTCPRR, GenUDPRR},
		PathVPN:         {GenTCP},
		PathWireGuardGo: {GenTCP},
		PathWireGuard:   nil,
		PathVeth:        nil,
		PathRelay:       nil,
	} {
		for _, gen := range all {
			s := Default()
			s.Path, s.Gen = path, gen
			if path == PathProgram {
				s.Program = "openvpn"
			}
			if gen == GenTCP {
				s.Size = 1400
			}
			if err := s.Validate(); err != nil {
				t.Fatalf("path=%s gen=%s: %v", path, gen, err)
			}
			turns := !slices.Contains(without, gen)
			if s.SideBySide() != turns {
				t.Errorf("path=%s gen=%s: takes turns: %v", path, gen, s.SideBySide())
			}
			if _, _, ok := s.Yardstick(); path != PathRelay && (ok != turns || (s.NoYardstick() == "") != turns) {
				t.Errorf("path=%s gen=%s: has a yardstick: %v (%s)", path, gen, ok, s.NoYardstick())
			}
			if y, _, ok := s.Yardstick(); ok && !y.SideBySide() {
				t.Errorf("path=%s gen=%s: its yardstick takes no turns", path, gen)
			}
		}
	}
}
