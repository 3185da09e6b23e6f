package trial

import (
	"slices"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/flag"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestSuperPackets: GSO packets of TCP pass whole in both directions, under
// every kernel that knows TSO, seen by its best hook and by none.
func TestSuperPackets(t *testing.T) {
	needRoot(t)
	hook, err := doctor.SelectHook(record.HookAuto)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]func(*spec.Spec){
		"k2u":        func(s *spec.Spec) {},
		"k2u tap v6": func(s *spec.Spec) { s.Mode, s.Family = spec.TAP, 6 },
		"u2k":        func(s *spec.Spec) { s.Dir = spec.U2K },
		"u2k tap v6": func(s *spec.Spec) { s.Dir, s.Mode, s.Family = spec.U2K, spec.TAP, 6 },
	} {
		for _, used := range []string{string(bpf.None), hook.Used} {
			t.Run(name+"/"+used, func(t *testing.T) {
				s := short()
				s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenPacketGSO, 1500, 12, spec.OffloadTSO
				set(&s)
				trial := run(t, s, bpf.Hook(used))
				balanced(t, trial)
				v := trial.Vnet
				if kind := map[int]string{4: "tcpv4", 6: "tcpv6"}[s.Family]; v == nil || v.GSO[kind] != v.Headers || v.Partial != v.Headers {
					t.Errorf("headers say %+v", v)
				}
				if v != nil && v.Headers*40 > trial.Accounting.Delivered {
					t.Errorf("%d GSO packets carried %d segments", v.Headers, trial.Accounting.Delivered)
				}
			})
		}
	}
}

func TestBadVnetIsFlagged(t *testing.T) {
	bad := &record.Vnet{Headers: 10, Bad: map[string]uint64{"gso_size": 2, "hash": 3, "csum_start": 2}}
	if got, want := flag.VnetFaults(bad), "of 10 virtio-net headers, wrong: hash of 3, csum_start of 2, gso_size of 2"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !record.Invalidates(record.FlagBadVnet) {
		t.Error("a trial with wrong headers is valid")
	}
}

// TestReadvIsRead: the same accounts, whichever call reads.
func TestReadvIsRead(t *testing.T) {
	needRoot(t)
	for _, io := range []spec.IO{spec.IORead, spec.IOReadv} {
		s := short()
		s.IO, s.PI, s.VnetHdr, s.Offload, s.Gen, s.Size, s.Queues, s.Flows = io, true, 20, spec.OffloadUSO, spec.GenUDPGSO, 1200, 2, 4
		trial := run(t, s, bpf.Tracepoint)
		balanced(t, trial)
		if slices.Contains(trial.Flags, record.FlagDuplicates) || trial.Reads.Bytes < trial.Accounting.Delivered*1172 {
			t.Errorf("io=%s: %d bytes read of %d packets, flags %v", io, trial.Reads.Bytes, trial.Accounting.Delivered, trial.Flags)
		}
	}
}
