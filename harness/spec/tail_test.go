package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestTailsAndPayloads(t *testing.T) {
	for name, set := range map[string]func(*Spec){
		"sent":           func(s *Spec) { s.Gen, s.Tail = GenUDPGSO, TailByte },
		"sent TCP":       func(s *Spec) { s.Gen, s.Tail = GenPacketGSO, TailShort },
		"written":        func(s *Spec) { s.Gen, s.Tail, s.Dir, s.VnetHdr = GenUDPGSO, TailByte, U2K, 10 },
		"written TCP":    func(s *Spec) { s.Gen, s.Tail, s.Dir, s.VnetHdr = GenPacketGSO, TailByte, U2K, 10 },
		"both":           func(s *Spec) { s.Gen, s.Tail, s.Dir, s.VnetHdr = GenUDPGSO, TailByte, Both, 10 },
		"relay":          func(s *Spec) { s.Gen, s.Tail, s.Path, s.Size = GenUDPGSO, TailShort, PathRelay, 1500 },
		"smallest":       func(s *Spec) { s.Gen, s.Tail, s.Size, s.Family = GenUDPGSO, TailShort, MinSize6, 6 },
		"csum0":          func(s *Spec) { s.Payload = PayloadNoSum },
		"csum0, mix":     func(s *Spec) { s.Payload, s.Size = PayloadNoSum, SizeIMIX },
		"vxlan":          func(s *Spec) { s.Payload, s.Size = PayloadVXLAN, 110 },
		"vxlan over v6":  func(s *Spec) { s.Payload, s.Size, s.Family = PayloadVXLAN, 130, 6 },
		"vxlan, written": func(s *Spec) { s.Payload, s.Size, s.Dir = PayloadVXLANSum, 1500, U2K },
	} {
		s := Default()
		s.Size = 1500
		set(&s)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if y, _, ok := s.Yardstick(); ok && (y.Tail != TailFull || y.Payload != PayloadPlain || y.Validate() != nil) {
			t.Errorf("%s: its yardstick is %+v, %v", name, y, y.Validate())
		}
	}
	for want, set := range map[string]func(*Spec){
		"gen=udp makes none; set gen=udp-gso": func(s *Spec) { s.Tail = TailShort },
		"gen=tcp makes none":                  func(s *Spec) { s.Tail, s.Path, s.Gen = TailByte, PathRelay, GenTCP },
		"single segments":                     func(s *Spec) { s.Gen, s.Tail, s.Dir = GenPacketGSO, TailByte, U2K },
		"1 byte of payload":                   func(s *Spec) { s.Gen, s.Tail, s.Path = GenUDPGSO, TailByte, PathRelay },
		"31 bytes of payload":                 func(s *Spec) { s.Gen, s.Tail, s.Path, s.Size, s.Family = GenUDPGSO, TailShort, PathRelay, MinSize6, 6 },
		"payload=vxlan is what":               func(s *Spec) { s.Payload, s.Gen = PayloadVXLAN, GenUDPGSO },
		"payload=csum0 is what":               func(s *Spec) { s.Payload, s.Path = PayloadNoSum, PathRelay },
		"payload=vxlan-csum is what":          func(s *Spec) { s.Payload, s.Dir = PayloadVXLANSum, Both },
		"RFC 6935":                            func(s *Spec) { s.Payload, s.Family = PayloadNoSum, 6 },
		"choose at least 110":                 func(s *Spec) { s.Payload, s.Size = PayloadVXLAN, 109 },
		"choose at least 130":                 func(s *Spec) { s.Payload, s.Size, s.Family = PayloadVXLAN, 129, 6 },
		"size=imix has some":                  func(s *Spec) { s.Payload, s.Size = PayloadVXLAN, SizeIMIX },
	} {
		s := Default()
		s.Size = 1500
		set(&s)
		if err := s.Validate(); !errors.Is(err, ErrImpossible) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
