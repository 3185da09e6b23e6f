package trial

import (
	"context"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestEveryWayToWrite runs each way of writing packets into a device, in both
// arms.
func TestEveryWayToWrite(t *testing.T) {
	needRoot(t)
	gso := func(set func(*spec.Spec)) func(*spec.Spec) {
		return func(s *spec.Spec) {
			s.Gen, s.Size, s.VnetHdr = spec.GenUDPGSO, 1500, 10
			set(s)
		}
	}
	for name, set := range map[string]func(*spec.Spec){
		"default":       func(s *spec.Spec) {},
		"readv":         func(s *spec.Spec) { s.IO, s.PI, s.VnetHdr = spec.IOReadv, true, 12 },
		"readv alone":   func(s *spec.Spec) { s.IO = spec.IOReadv },
		"poll":          func(s *spec.Spec) { s.IO = spec.IOPoll },
		"spin":          func(s *spec.Spec) { s.IO = spec.IOSpin },
		"tap":           func(s *spec.Spec) { s.Mode = spec.TAP },
		"tap ipv6":      func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 100 },
		"ipv6":          func(s *spec.Spec) { s.Family, s.Size = 6, 80 },
		"imix":          func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":         func(s *spec.Spec) { s.Size = 65535 },
		"jumbo frame":   func(s *spec.Spec) { s.Mode, s.Size = spec.TAP, 65521 },
		"pi":            func(s *spec.Spec) { s.PI = true },
		"vnet 24 pi":    func(s *spec.Spec) { s.VnetHdr, s.PI = 24, true },
		"vnet tap v6":   func(s *spec.Spec) { s.Mode, s.Family, s.Size, s.VnetHdr = spec.TAP, 6, 576, 12 },
		"offload":       func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadUSO },
		"napi":          func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"napi sndbuf":   func(s *spec.Spec) { s.NAPI, s.SndBuf, s.IO = spec.NAPIOn, 16384, spec.IOPoll },
		"frags":         func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags },
		"frags readv":   func(s *spec.Spec) { s.Mode, s.NAPI, s.IO, s.VnetHdr = spec.TAP, spec.NAPIFrags, spec.IOReadv, 12 },
		"frags large":   func(s *spec.Spec) { s.Mode, s.NAPI, s.Size = spec.TAP, spec.NAPIFrags, 9000 },
		"gso":           gso(func(s *spec.Spec) {}),
		"gso tap":       gso(func(s *spec.Spec) { s.Mode = spec.TAP }),
		"gso v6":        gso(func(s *spec.Spec) { s.Family, s.Size, s.VnetHdr = 6, 200, 12 }),
		"gso napi":      gso(func(s *spec.Spec) { s.NAPI, s.PI, s.IO = spec.NAPIOn, true, spec.IOReadv }),
		"gso frags":     gso(func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags }),
		"gso queues":    gso(func(s *spec.Spec) { s.Queues, s.Flows = 2, 5 }),
		"queues":        func(s *spec.Spec) { s.Queues, s.Flows = 4, 100 },
		"steer":         func(s *spec.Spec) { s.Queues, s.Flows, s.Steer = 2, 8, spec.SteerEBPF },
		"paced":         func(s *spec.Spec) { s.Rate, s.Flows, s.Queues = 5000, 3, 2 },
		"poisson":       func(s *spec.Spec) { s.Rate, s.Poisson, s.Size, s.Family = 5000, true, 300, 6 },
		"paced gso":     gso(func(s *spec.Spec) { s.Rate = 20000 }),
		"xdp pass":      func(s *spec.Spec) { s.Mode, s.XDP = spec.TAP, spec.XDPPass },
		"xdp pass spin": func(s *spec.Spec) { s.Mode, s.XDP, s.IO = spec.TAP, spec.XDPPass, spec.IOSpin },
		"xdp drop":      func(s *spec.Spec) { s.Mode, s.XDP = spec.TAP, spec.XDPDrop },
		"xdp drop spin": func(s *spec.Spec) { s.Mode, s.XDP, s.IO = spec.TAP, spec.XDPDrop, spec.IOSpin },
		"xdp generic":   func(s *spec.Spec) { s.XDP = spec.XDPPassGeneric },
		"xdp dropped":   func(s *spec.Spec) { s.XDP, s.Queues, s.Flows = spec.XDPDropGeneric, 2, 4 },
		"xdp drop napi": func(s *spec.Spec) { s.Mode, s.XDP, s.NAPI = spec.TAP, spec.XDPDropGeneric, spec.NAPIOn },
		"xdp frags":     func(s *spec.Spec) { s.Mode, s.XDP, s.NAPI = spec.TAP, spec.XDPDrop, spec.NAPIFrags },
		"xdp gso":       gso(func(s *spec.Spec) { s.Mode, s.XDP = spec.TAP, spec.XDPDrop }),
		"tcp":           func(s *spec.Spec) { s.Gen, s.Size = spec.GenPacketGSO, 1500 },
		"tcp tap v6":    func(s *spec.Spec) { s.Gen, s.Size, s.Mode, s.Family = spec.GenPacketGSO, 93, spec.TAP, 6 },
		"tcp napi":      func(s *spec.Spec) { s.Gen, s.Size, s.NAPI, s.IO = spec.GenPacketGSO, 576, spec.NAPIOn, spec.IOReadv },
		"tcp frags":     func(s *spec.Spec) { s.Gen, s.Size, s.Mode, s.NAPI = spec.GenPacketGSO, 1500, spec.TAP, spec.NAPIFrags },
		"tso":           gso(func(s *spec.Spec) { s.Gen = spec.GenPacketGSO }),
		"tso tap v6": gso(func(s *spec.Spec) {
			s.Gen, s.Mode, s.Family, s.VnetHdr, s.PI = spec.GenPacketGSO, spec.TAP, 6, 24, true
		}),
		"tso readv":    gso(func(s *spec.Spec) { s.Gen, s.IO, s.VnetHdr, s.Size = spec.GenPacketGSO, spec.IOReadv, 12, 9000 }),
		"tso napi":     gso(func(s *spec.Spec) { s.Gen, s.NAPI = spec.GenPacketGSO, spec.NAPIOn }),
		"tso frags":    gso(func(s *spec.Spec) { s.Gen, s.Mode, s.NAPI = spec.GenPacketGSO, spec.TAP, spec.NAPIFrags }),
		"tso queues":   gso(func(s *spec.Spec) { s.Gen, s.Queues, s.Flows = spec.GenPacketGSO, 2, 5 }),
		"tso paced":    gso(func(s *spec.Spec) { s.Gen, s.Rate = spec.GenPacketGSO, 20000 }),
		"xdp tso":      gso(func(s *spec.Spec) { s.Gen, s.Mode, s.XDP = spec.GenPacketGSO, spec.TAP, spec.XDPDrop }),
		"xdp tso pass": gso(func(s *spec.Spec) { s.Gen, s.XDP = spec.GenPacketGSO, spec.XDPPassGeneric }),
		"xdp gso pass": gso(func(s *spec.Spec) { s.XDP = spec.XDPPassGeneric }),
	} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Dir = spec.U2K
				set(&s)
				wellWritten(t, s, run(t, s, hook))
			})
		}
	}
}

// wellWritten holds that the accounts of packets that were written are right.
func wellWritten(t *testing.T, s spec.Spec, trial record.Trial) {
	t.Helper()
	balanced(t, trial)
	a, w := trial.Accounting, trial.Writes
	if w == nil {
		t.Fatal("no account of the writes")
	}
	length := uint64(s.Size)
	headers := uint64(0)
	if s.Mode == spec.TAP {
		length += 14
	}
	if s.PI {
		headers += 4
	}
	headers += uint64(s.VnetHdr)
	if s.Size != spec.SizeIMIX && s.Gen == spec.GenUDP && w.Bytes != a.Accepted*(length+headers) {
		t.Errorf("%d bytes of %d packets of %d bytes", w.Bytes, a.Accepted, length+headers)
	}
	var sizes uint64
	for _, n := range w.Sizes {
		sizes += n
	}
	if s.Gen == spec.GenPacketGSO && !s.XDP.Drops() {
		v := trial.Vnet
		if kind := map[bool]string{false: "tcpv4", true: "tcpv6"}[s.Family == 6]; v == nil || s.VnetHdr > 0 && (v.GSO[kind] != v.Headers || v.Partial != v.Headers) ||
			s.VnetHdr == 0 && (v.GSO["none"] != v.Headers || v.Full != v.Headers) {
			t.Errorf("the packet socket saw %+v", v)
		}
	}
	if per := device.SegmentsPerWrite(s); sizes*per != a.Accepted || s.Gen == spec.GenUDPGSO && per < 40 {
		t.Errorf("%d writes of %d segments for %d packets", sizes, per, a.Accepted)
	}
	var pushed uint64
	for _, n := range w.Errors {
		pushed += n
	}
	if pushed*device.SegmentsPerWrite(s) != a.PushedBack {
		t.Errorf("%v refused, %d packets pushed back", w.Errors, a.PushedBack)
	}
	if a.Duplicates+a.Reordered > 0 && s.Queues <= s.Flows {
		t.Errorf("%d duplicates and %d reordered", a.Duplicates, a.Reordered)
	}
	if e2e, ok := trial.Latency[record.E2E]; ok != !s.XDP.Drops() || ok && e2e.Count == 0 && trial.Metrics[record.PPS] > 0 {
		t.Errorf("latency of %d packets with xdp=%s, %v", e2e.Count, s.XDP, trial.Metrics)
	}
	if trial.Metrics[record.OfferedPPS] > 0 && (trial.Metrics[record.FloorRatio] <= 0 || trial.Metrics[record.SendNsPerPkt] <= 0) {
		t.Errorf("floor ratio %v, %v ns a packet; metrics %v, windows %v", trial.Metrics[record.FloorRatio], trial.Metrics[record.SendNsPerPkt], trial.Metrics, trial.Windows)
	}
	var recv, flows uint64
	for _, q := range trial.Queues {
		recv += q.RecvPkts
		flows += uint64(q.Flows)
		if s.Queues > 1 && q.RecvPkts == 0 && s.XDP != spec.XDPDrop {
			t.Errorf("nothing was seen on queue %d", q.Queue)
		}
	}
	// The metric is of the measured time, the counts of the queues are of all of it.
	if jain, ok := trial.Metrics[record.Jain]; trial.Metrics[record.PPS] > 0 && (!ok || jain < 1/float64(s.Queues)-1e-9 || jain > 1+1e-9 || s.Queues == 1 && jain != 1) {
		t.Errorf("Jain index %v, %v of %d queues", jain, ok, s.Queues)
	}
	if most := trial.Metrics[record.QueueImbalance]; trial.Metrics[record.PPS] > 0 && (most < 1-1e-9 || most > float64(s.Queues)+1e-9) {
		t.Errorf("the most loaded of %d queues has %v times the mean", s.Queues, most)
	}
	if trial.Queues != nil && s.XDP != spec.XDPDrop && (recv != a.Accepted || flows != uint64(s.Flows)) {
		t.Errorf("%d packets and %d flows were seen on queues, want %d and %d", recv, flows, a.Accepted, s.Flows)
	}
}

// TestWritesWithEveryHook follows what is written with each hook that
// this kernel has. It runs in guests, too.
func TestWritesWithEveryHook(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"tun":         func(s *spec.Spec) {},
		"tap frags":   func(s *spec.Spec) { s.Mode, s.NAPI, s.Queues, s.Flows = spec.TAP, spec.NAPIFrags, 2, 4 },
		"gso":         func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr = spec.GenUDPGSO, 1000, 10 },
		"xdp drop":    func(s *spec.Spec) { s.Mode, s.XDP, s.IO = spec.TAP, spec.XDPDrop, spec.IOPoll },
		"xdp generic": func(s *spec.Spec) { s.XDP = spec.XDPDropGeneric },
		"queues":      func(s *spec.Spec) { s.Queues, s.Flows = 4, 8 },
		"tap queues":  func(s *spec.Spec) { s.Mode, s.Queues, s.Flows = spec.TAP, 4, 8 },
		"both":        func(s *spec.Spec) { s.Dir, s.Queues, s.Flows = spec.Both, 2, 4 },
		"both tap gso": func(s *spec.Spec) {
			s.Dir, s.Mode, s.Gen, s.Size, s.VnetHdr = spec.Both, spec.TAP, spec.GenUDPGSO, 1000, 12
		},
	} {
		for _, hook := range bpf.Hooks {
			if err := bpf.Try(hook, bpf.Both); err != nil {
				t.Log(err)
				continue
			}
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Dir = spec.U2K
				set(&s)
				trial, err := lab.Run(context.Background(), s, string(hook), record.Floor{SyscallNs: 1})
				if reason, detail := "", ""; err != nil {
					if reason, detail = refusal.Classify(err); reason == record.Unsupported && s.Gen == spec.GenUDPGSO {
						t.Skipf("this kernel cannot: %s", detail) // virtio-net headers know GSO packets of UDP since Linux 6.2
					}
					t.Fatal(err)
				}
				if s.Dir == spec.U2K {
					wellWritten(t, s, trial)
				} else {
					balanced(t, trial)
					bothSpread(t, s, trial)
				}
			})
		}
	}
}

// bothSpread holds that each direction of dir=both tells by itself how evenly its
// packets were spread.
func bothSpread(t *testing.T, s spec.Spec, trial record.Trial) {
	t.Helper()
	for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
		d := trial.Directions[string(dir)]
		jain, ok := d.Metrics[record.Jain]
		if d.Metrics[record.PPS] > 0 && (!ok || jain < 1/float64(s.Queues)-1e-9 || jain > 1+1e-9) {
			t.Errorf("%s: Jain index %v, %v of %d queues", dir, jain, ok, s.Queues)
		}
	}
	for _, q := range trial.Queues {
		if s.XDP != spec.XDPDrop && q.RecvPkts == 0 {
			t.Errorf("nothing was seen written to queue %d", q.Queue)
		}
	}
}

// TestFewFlowsOfWriters writes one flow, so that three of four queues get nothing.
func TestFewFlowsOfWriters(t *testing.T) {
	needRoot(t)
	for _, mode := range []spec.Mode{spec.TUN, spec.TAP} {
		s := short()
		s.Dir, s.Mode, s.Queues, s.Flows = spec.U2K, mode, 4, 1
		trial := run(t, s, bpf.Tracepoint)
		balanced(t, trial)
		if jain, most := trial.Metrics[record.Jain], trial.Metrics[record.QueueImbalance]; jain != 0.25 || most != 4 {
			t.Errorf("%v: Jain index %v, the most loaded queue has %v times the mean; want 1/4 and 4", mode, jain, most)
		}
		for _, q := range trial.Queues {
			if used := q.RecvPkts > 0; used != (q.Queue == 0) {
				t.Errorf("%v: %+v, want all on queue 0", mode, q)
			}
		}
	}
}

// TestWritesSideBySide measures both arms in turns: while one is measured, the
// other one's workers stand still and its observer is away.
func TestWritesSideBySide(t *testing.T) {
	needRoot(t)
	for _, set := range []func(*spec.Spec){
		func(s *spec.Spec) { s.Dir, s.NAPI, s.Queues, s.Flows = spec.U2K, spec.NAPIOn, 2, 4 },
		func(s *spec.Spec) { s.Dir, s.XDP = spec.U2K, spec.XDPDropGeneric },
		func(s *spec.Spec) { s.Dir, s.IO = spec.Both, spec.IOPoll },
	} {
		s := short()
		set(&s)
		sides := [2]Variant{{s, string(bpf.None)}, {s, string(bpf.Tracepoint)}}
		trials, err := lab.RunPair(context.Background(), sides, 1, record.Floor{SyscallNs: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range trials {
			balanced(t, trial)
			if s.Dir == spec.Both && len(trial.Directions) != 2 {
				t.Errorf("%d directions", len(trial.Directions))
			}
		}
	}
}
