package trial

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestTails: GSO packets whose last segment is shorter are accounted for to the segment,
// read whole and cut by the kernel, written and sent.
func TestTails(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"sent, cut":          func(s *spec.Spec) { s.Gen = spec.GenUDPGSO },
		"sent, cut, queues":  func(s *spec.Spec) { s.Gen, s.Queues, s.Flows, s.Mode = spec.GenUDPGSO, 2, 7, spec.TAP },
		"sent, cut v6":       func(s *spec.Spec) { s.Gen, s.Family = spec.GenUDPGSO, 6 },
		"sent, cut TCP":      func(s *spec.Spec) { s.Gen, s.Flows = spec.GenPacketGSO, 3 },
		"sent, cut TCP v6":   func(s *spec.Spec) { s.Gen, s.Family, s.Mode = spec.GenPacketGSO, 6, spec.TAP },
		"sent, whole":        func(s *spec.Spec) { s.Gen, s.VnetHdr, s.Offload = spec.GenUDPGSO, 10, spec.OffloadUSO },
		"sent, whole TCP v6": func(s *spec.Spec) { s.Gen, s.VnetHdr, s.Offload, s.Family = spec.GenPacketGSO, 12, spec.OffloadTSO, 6 },
		"sent, smallest":     func(s *spec.Spec) { s.Gen, s.Family, s.Size = spec.GenUDPGSO, 6, 80 },
		"written":            func(s *spec.Spec) { s.Dir, s.Gen, s.VnetHdr = spec.U2K, spec.GenUDPGSO, 10 },
		"written v6":         func(s *spec.Spec) { s.Dir, s.Gen, s.VnetHdr, s.Family = spec.U2K, spec.GenUDPGSO, 10, 6 },
		"written TCP":        func(s *spec.Spec) { s.Dir, s.Gen, s.VnetHdr = spec.U2K, spec.GenPacketGSO, 10 },
		"written TCP v6": func(s *spec.Spec) {
			s.Dir, s.Gen, s.VnetHdr, s.Family, s.Mode = spec.U2K, spec.GenPacketGSO, 12, 6, spec.TAP
		},
		"both": func(s *spec.Spec) {
			s.Dir, s.Gen, s.VnetHdr, s.Offload = spec.Both, spec.GenUDPGSO, 10, spec.OffloadUSO
		},
		"bridge": func(s *spec.Spec) { s.Mode, s.Path, s.Gen, s.VnetHdr = spec.TAP, spec.PathBridge, spec.GenUDPGSO, 10 },
		"bridge, whole": func(s *spec.Spec) {
			s.Mode, s.Path, s.Gen, s.VnetHdr, s.Offload = spec.TAP, spec.PathBridge, spec.GenUDPGSO, 10, spec.OffloadUSO
		},
	} {
		for _, tail := range []spec.Tail{spec.TailShort, spec.TailByte} {
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				t.Run(fmt.Sprintf("%s/%s/%s", name, tail, hook), func(t *testing.T) {
					s := short()
					s.Size, s.Tail = 1200, tail
					set(&s)
					trial := runOrSkip(t, s, hook)
					balanced(t, trial)
					a := trial.Accounting
					if len(a.Corrupt) > 0 || a.Reordered+a.Duplicates > 0 && s.Queues == 1 {
						t.Errorf("corrupt %v, %d reordered, %d duplicates", a.Corrupt, a.Reordered, a.Duplicates)
					}
				})
			}
		}
	}
}

// TestRefusedGSOPacketIsNamed: the kind of a GSO packet that the kernel refuses, the call
// and the errno, by one that no kernel takes: its segments have no length.
func TestRefusedGSOPacketIsNamed(t *testing.T) {
	needRoot(t)
	s := short()
	s.Gen, s.Tail, s.VnetHdr, s.Family = spec.GenPacketGSO, spec.TailByte, 10, 6
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	d, err := device.New(ns, device.Name, s, device.LinkOf(s))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	refused := append([]byte{0, 4, 60, 0, 0, 0, 0, 0, 0, 0, 0x60}, make([]byte, 200)...)
	for call, ask := range map[string]func([]byte) error{"write": d.TakesHeader, "sendto AF_PACKET": d.SendsHeader} {
		err := ask(refused)
		reason, detail := refusal.Classify(err)
		want := "this kernel takes no GSO packets of TCP over IPv6 with tail=byte: " + call + ": invalid argument (EINVAL)"
		if reason != record.Unsupported || !strings.Contains(detail, want) {
			t.Errorf("%s: %s: %q, want %q", call, reason, detail, want)
		}
		if errors.Is(err, unix.ENODEV) {
			t.Error(err)
		}
	}
}
