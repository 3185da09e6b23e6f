package harness

import (
	"context"
	"testing"

	"tunbench/bpf"
	"tunbench/reports/record"
)

// TestEveryWayToWrite runs each way of writing packets into a device, in both
// arms.
func TestEveryWayToWrite(t *testing.T) {
	needRoot(t)
	gso := func(set func(*Spec)) func(*Spec) {
		return func(s *Spec) {
			s.Gen, s.Size, s.VnetHdr = GenUDPGSO, 1500, 10
			set(s)
		}
	}
	for name, set := range map[string]func(*Spec){
		"default":       func(s *Spec) {},
		"readv":         func(s *Spec) { s.IO, s.PI, s.VnetHdr = IOReadv, true, 12 },
		"readv alone":   func(s *Spec) { s.IO = IOReadv },
		"poll":          func(s *Spec) { s.IO = IOPoll },
		"spin":          func(s *Spec) { s.IO = IOSpin },
		"tap":           func(s *Spec) { s.Mode = TAP },
		"tap ipv6":      func(s *Spec) { s.Mode, s.Family, s.Size = TAP, 6, 100 },
		"ipv6":          func(s *Spec) { s.Family, s.Size = 6, 80 },
		"imix":          func(s *Spec) { s.Size = SizeIMIX },
		"jumbo":         func(s *Spec) { s.Size = 65535 },
		"jumbo frame":   func(s *Spec) { s.Mode, s.Size = TAP, 65521 },
		"pi":            func(s *Spec) { s.PI = true },
		"vnet 24 pi":    func(s *Spec) { s.VnetHdr, s.PI = 24, true },
		"vnet tap v6":   func(s *Spec) { s.Mode, s.Family, s.Size, s.VnetHdr = TAP, 6, 576, 12 },
		"offload":       func(s *Spec) { s.VnetHdr, s.Offload = 10, OffloadUSO },
		"napi":          func(s *Spec) { s.NAPI = NAPIOn },
		"napi sndbuf":   func(s *Spec) { s.NAPI, s.SndBuf, s.IO = NAPIOn, 16384, IOPoll },
		"frags":         func(s *Spec) { s.Mode, s.NAPI = TAP, NAPIFrags },
		"frags readv":   func(s *Spec) { s.Mode, s.NAPI, s.IO, s.VnetHdr = TAP, NAPIFrags, IOReadv, 12 },
		"frags large":   func(s *Spec) { s.Mode, s.NAPI, s.Size = TAP, NAPIFrags, 9000 },
		"gso":           gso(func(s *Spec) {}),
		"gso tap":       gso(func(s *Spec) { s.Mode = TAP }),
		"gso v6":        gso(func(s *Spec) { s.Family, s.Size, s.VnetHdr = 6, 200, 12 }),
		"gso napi":      gso(func(s *Spec) { s.NAPI, s.PI, s.IO = NAPIOn, true, IOReadv }),
		"gso frags":     gso(func(s *Spec) { s.Mode, s.NAPI = TAP, NAPIFrags }),
		"gso queues":    gso(func(s *Spec) { s.Queues, s.Flows = 2, 5 }),
		"queues":        func(s *Spec) { s.Queues, s.Flows = 4, 100 },
		"steer":         func(s *Spec) { s.Queues, s.Flows, s.Steer = 2, 8, SteerEBPF },
		"paced":         func(s *Spec) { s.Rate, s.Flows, s.Queues = 5000, 3, 2 },
		"poisson":       func(s *Spec) { s.Rate, s.Poisson, s.Size, s.Family = 5000, true, 300, 6 },
		"paced gso":     gso(func(s *Spec) { s.Rate = 20000 }),
		"xdp pass":      func(s *Spec) { s.Mode, s.XDP = TAP, XDPPass },
		"xdp pass spin": func(s *Spec) { s.Mode, s.XDP, s.IO = TAP, XDPPass, IOSpin },
		"xdp drop":      func(s *Spec) { s.Mode, s.XDP = TAP, XDPDrop },
		"xdp drop spin": func(s *Spec) { s.Mode, s.XDP, s.IO = TAP, XDPDrop, IOSpin },
		"xdp generic":   func(s *Spec) { s.XDP = XDPPassGeneric },
		"xdp dropped":   func(s *Spec) { s.XDP, s.Queues, s.Flows = XDPDropGeneric, 2, 4 },
		"xdp drop napi": func(s *Spec) { s.Mode, s.XDP, s.NAPI = TAP, XDPDropGeneric, NAPIOn },
		"xdp frags":     func(s *Spec) { s.Mode, s.XDP, s.NAPI = TAP, XDPDrop, NAPIFrags },
		"xdp gso":       gso(func(s *Spec) { s.Mode, s.XDP = TAP, XDPDrop }),
		"tcp":           func(s *Spec) { s.Gen, s.Size = GenPacketGSO, 1500 },
		"tcp tap v6":    func(s *Spec) { s.Gen, s.Size, s.Mode, s.Family = GenPacketGSO, 93, TAP, 6 },
		"tcp napi":      func(s *Spec) { s.Gen, s.Size, s.NAPI, s.IO = GenPacketGSO, 576, NAPIOn, IOReadv },
		"tcp frags":     func(s *Spec) { s.Gen, s.Size, s.Mode, s.NAPI = GenPacketGSO, 1500, TAP, NAPIFrags },
		"tso":           gso(func(s *Spec) { s.Gen = GenPacketGSO }),
		"tso tap v6":    gso(func(s *Spec) { s.Gen, s.Mode, s.Family, s.VnetHdr, s.PI = GenPacketGSO, TAP, 6, 24, true }),
		"tso readv":     gso(func(s *Spec) { s.Gen, s.IO, s.VnetHdr, s.Size = GenPacketGSO, IOReadv, 12, 9000 }),
		"tso napi":      gso(func(s *Spec) { s.Gen, s.NAPI = GenPacketGSO, NAPIOn }),
		"tso frags":     gso(func(s *Spec) { s.Gen, s.Mode, s.NAPI = GenPacketGSO, TAP, NAPIFrags }),
		"tso queues":    gso(func(s *Spec) { s.Gen, s.Queues, s.Flows = GenPacketGSO, 2, 5 }),
		"tso paced":     gso(func(s *Spec) { s.Gen, s.Rate = GenPacketGSO, 20000 }),
		"xdp tso":       gso(func(s *Spec) { s.Gen, s.Mode, s.XDP = GenPacketGSO, TAP, XDPDrop }),
		"xdp tso pass":  gso(func(s *Spec) { s.Gen, s.XDP = GenPacketGSO, XDPPassGeneric }),
		"xdp gso pass":  gso(func(s *Spec) { s.XDP = XDPPassGeneric }),
	} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Dir = U2K
				set(&s)
				wellWritten(t, s, run(t, s, hook))
			})
		}
	}
}

// wellWritten holds that the accounts of packets that were written are right.
func wellWritten(t *testing.T, s Spec, trial record.Trial) {
	t.Helper()
	balanced(t, trial)
	a, w := trial.Accounting, trial.Writes
	if w == nil {
		t.Fatal("no account of the writes")
	}
	wire := uint64(s.Size)
	headers := uint64(0)
	if s.Mode == TAP {
		wire += 14
	}
	if s.PI {
		headers += 4
	}
	headers += uint64(s.VnetHdr)
	if s.Size != SizeIMIX && s.Gen == GenUDP && w.Bytes != a.Accepted*(wire+headers) {
		t.Errorf("%d bytes of %d packets of %d bytes", w.Bytes, a.Accepted, wire+headers)
	}
	var sizes uint64
	for _, n := range w.Sizes {
		sizes += n
	}
	if s.Gen == GenPacketGSO && !s.XDP.Drops() {
		v := trial.Vnet
		if kind := map[bool]string{false: "tcpv4", true: "tcpv6"}[s.Family == 6]; v == nil || s.VnetHdr > 0 && (v.GSO[kind] != v.Headers || v.Partial != v.Headers) ||
			s.VnetHdr == 0 && (v.GSO["none"] != v.Headers || v.Full != v.Headers) {
			t.Errorf("the packet socket saw %+v", v)
		}
	}
	if per := segmentsPerWrite(s); sizes*per != a.Accepted || s.Gen == GenUDPGSO && per < 40 {
		t.Errorf("%d writes of %d segments for %d packets", sizes, per, a.Accepted)
	}
	var pushed uint64
	for _, n := range w.Errors {
		pushed += n
	}
	if pushed*segmentsPerWrite(s) != a.PushedBack {
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
		if s.Queues > 1 && q.RecvPkts == 0 && s.XDP != XDPDrop {
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
	if trial.Queues != nil && s.XDP != XDPDrop && (recv != a.Accepted || flows != uint64(s.Flows)) {
		t.Errorf("%d packets and %d flows were seen on queues, want %d and %d", recv, flows, a.Accepted, s.Flows)
	}
}

// TestWritesOnEveryRung follows what is written by each rung of the ladder that
// this kernel has. It runs in guests, too.
func TestWritesOnEveryRung(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*Spec){
		"tun":          func(s *Spec) {},
		"tap frags":    func(s *Spec) { s.Mode, s.NAPI, s.Queues, s.Flows = TAP, NAPIFrags, 2, 4 },
		"gso":          func(s *Spec) { s.Gen, s.Size, s.VnetHdr = GenUDPGSO, 1000, 10 },
		"xdp drop":     func(s *Spec) { s.Mode, s.XDP, s.IO = TAP, XDPDrop, IOPoll },
		"xdp generic":  func(s *Spec) { s.XDP = XDPDropGeneric },
		"queues":       func(s *Spec) { s.Queues, s.Flows = 4, 8 },
		"tap queues":   func(s *Spec) { s.Mode, s.Queues, s.Flows = TAP, 4, 8 },
		"both":         func(s *Spec) { s.Dir, s.Queues, s.Flows = Both, 2, 4 },
		"both tap gso": func(s *Spec) { s.Dir, s.Mode, s.Gen, s.Size, s.VnetHdr = Both, TAP, GenUDPGSO, 1000, 12 },
	} {
		for _, hook := range bpf.Ladder {
			if err := bpf.Try(hook, bpf.Both); err != nil {
				t.Log(err)
				continue
			}
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Dir = U2K
				set(&s)
				trial, err := lab.Run(context.Background(), s, string(hook), record.Floor{SyscallNs: 1})
				if reason, detail := "", ""; err != nil {
					if reason, detail = Classify(err); reason == record.Unsupported && s.Gen == GenUDPGSO {
						t.Skipf("this kernel cannot: %s", detail) // virtio-net headers know super-packets of UDP since Linux 6.2
					}
					t.Fatal(err)
				}
				if s.Dir == U2K {
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
func bothSpread(t *testing.T, s Spec, trial record.Trial) {
	t.Helper()
	for _, dir := range []Dir{K2U, U2K} {
		d := trial.Directions[string(dir)]
		jain, ok := d.Metrics[record.Jain]
		if d.Metrics[record.PPS] > 0 && (!ok || jain < 1/float64(s.Queues)-1e-9 || jain > 1+1e-9) {
			t.Errorf("%s: Jain index %v, %v of %d queues", dir, jain, ok, s.Queues)
		}
	}
	for _, q := range trial.Queues {
		if s.XDP != XDPDrop && q.RecvPkts == 0 {
			t.Errorf("nothing was seen written to queue %d", q.Queue)
		}
	}
}

// TestFewFlowsOfWriters writes one flow, so that three of four queues get nothing.
func TestFewFlowsOfWriters(t *testing.T) {
	needRoot(t)
	for _, mode := range []Mode{TUN, TAP} {
		s := short()
		s.Dir, s.Mode, s.Queues, s.Flows = U2K, mode, 4, 1
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
	for _, set := range []func(*Spec){
		func(s *Spec) { s.Dir, s.NAPI, s.Queues, s.Flows = U2K, NAPIOn, 2, 4 },
		func(s *Spec) { s.Dir, s.XDP = U2K, XDPDropGeneric },
		func(s *Spec) { s.Dir, s.IO = Both, IOPoll },
	} {
		s := short()
		set(&s)
		sides := [2]Side{{s, string(bpf.None)}, {s, string(bpf.Tracepoint)}}
		trials, err := lab.RunPair(context.Background(), sides, 1, record.Floor{SyscallNs: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range trials {
			balanced(t, trial)
			if s.Dir == Both && len(trial.Directions) != 2 {
				t.Errorf("%d directions", len(trial.Directions))
			}
		}
	}
}
