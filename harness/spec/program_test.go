package spec

import "testing"

// Stamped packets through a program take turns with other trials; TCP does not, which would
// begin anew after each pause.
func TestProgramsTakeTurns(t *testing.T) {
	for gen, turns := range map[Gen]bool{GenUDP: true, GenTCP: false, GenTCPRR: false, GenUDPRR: false} {
		s := Default()
		s.Path, s.Program, s.Gen = PathProgram, "openvpn", gen
		if gen == GenTCP {
			s.Size = 1400
		}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		if _, _, ok := s.Yardstick(); s.SideBySide() != turns || ok != turns || (s.NoYardstick() == "") != turns {
			t.Errorf("gen=%s: takes turns: %v; has a yardstick: %v (%s)", gen, s.SideBySide(), ok, s.NoYardstick())
		}
		s.Path, s.Program = PathVPN, ""
		if !s.SideBySide() {
			t.Errorf("path=vpn gen=%s takes no turns", gen)
		}
	}
}
