package trial

import (
	"fmt"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/spec"
)

// TestPayloads: datagrams without a checksum and those of tunnels are read and received
// as others are, with every offload.
func TestPayloads(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"sent":           func(*spec.Spec) {},
		"sent, header":   func(s *spec.Spec) { s.VnetHdr = 10 },
		"sent, partial":  func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadCsum },
		"sent, tunnel":   func(s *spec.Spec) { s.VnetHdr, s.Offload, s.Mode = 24, spec.OffloadTunnel, spec.TAP },
		"sent v6":        func(s *spec.Spec) { s.Family, s.Flows, s.Queues = 6, 8, 2 },
		"written":        func(s *spec.Spec) { s.Dir = spec.U2K },
		"written v6":     func(s *spec.Spec) { s.Dir, s.Family, s.Mode, s.Queues, s.Flows = spec.U2K, 6, spec.TAP, 2, 8 },
		"written header": func(s *spec.Spec) { s.Dir, s.VnetHdr = spec.U2K, 12 },
		"written tunnel": func(s *spec.Spec) { s.Dir, s.VnetHdr, s.Offload = spec.U2K, 24, spec.OffloadTunnel },
	} {
		for _, payload := range []spec.Payload{spec.PayloadNoSum, spec.PayloadVXLAN, spec.PayloadVXLANSum} {
			t.Run(fmt.Sprintf("%s/%s", name, payload), func(t *testing.T) {
				s := short()
				s.Size, s.Payload = 512, payload
				set(&s)
				if s.Family == 6 && payload == spec.PayloadNoSum {
					return // which Validate refuses
				}
				trial := runOrSkip(t, s, bpf.Tracepoint)
				balanced(t, trial)
				if a := trial.Accounting; len(a.Corrupt) > 0 || a.Verified == 0 {
					t.Errorf("%d verified, corrupt %v", a.Verified, a.Corrupt)
				}
				if v := trial.Vnet; v != nil && payload == spec.PayloadNoSum && v.Without != v.Headers {
					t.Errorf("headers say %+v, want none with a checksum", v)
				}
			})
		}
	}
}
