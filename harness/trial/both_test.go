package trial

import (
	"context"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/load"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// TestBothDirections reads and writes a device at once, in both arms: each
// direction has accounts of its own that balance, and the trial has their sum.
func TestBothDirections(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":     func(s *spec.Spec) {},
		"tap":         func(s *spec.Spec) { s.Mode, s.VnetHdr, s.IO = spec.TAP, 12, spec.IOPoll },
		"ipv6 readv":  func(s *spec.Spec) { s.Family, s.Size, s.IO, s.PI = 6, 200, spec.IOReadv, true },
		"imix":        func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"queues":      func(s *spec.Spec) { s.Queues, s.Flows, s.NAPI = 2, 6, spec.NAPIOn },
		"few flows":   func(s *spec.Spec) { s.Queues, s.Flows = 4, 3 },
		"many flows":  func(s *spec.Spec) { s.Flows = 300 },
		"paced":       func(s *spec.Spec) { s.Rate, s.Queues, s.Flows = 4000, 2, 4 },
		"poisson":     func(s *spec.Spec) { s.Rate, s.Poisson = 4000, true },
		"gso":         func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1500, 10, spec.OffloadUSO },
		"gso cut":     func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Flows = spec.GenUDPGSO, 1500, 10, 2 },
		"xdp pass":    func(s *spec.Spec) { s.Mode, s.XDP = spec.TAP, spec.XDPPass },
		"xdp drop":    func(s *spec.Spec) { s.Mode, s.XDP, s.Queues, s.Flows = spec.TAP, spec.XDPDrop, 2, 4 },
		"xdp dropped": func(s *spec.Spec) { s.XDP = spec.XDPDropGeneric },
		"fq_codel":    func(s *spec.Spec) { s.Qdisc = "pfifo_fast" },
	} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.Dir = spec.Both
				set(&s)
				trial := run(t, s, hook)
				balanced(t, trial)
				down, up := trial.Directions[string(spec.K2U)], trial.Directions[string(spec.U2K)]
				sum := trial.Accounting
				for _, d := range []record.Direction{down, up} {
					a := d.Accounting
					if a.Unexplained != 0 || a.Accepted == 0 || a.Delivered == 0 || a.Offered != a.Accepted+a.PushedBack {
						t.Errorf("accounts of one direction: %+v", a)
					}
					sum.Offered -= a.Offered
					sum.Accepted -= a.Accepted
					sum.Delivered -= a.Delivered
					if _, ok := d.Metrics[record.OfferedPPS]; !ok || d.Metrics[record.Loss] < 0 {
						t.Errorf("metrics of one direction: %v", d.Metrics)
					}
				}
				if sum.Offered+sum.Accepted+sum.Delivered != 0 {
					t.Errorf("the directions do not add up: %+v, %+v, %+v", trial.Accounting, down.Accounting, up.Accounting)
				}
				if pps := down.Metrics[record.PPS] + up.Metrics[record.PPS]; pps < 0.999*trial.Metrics[record.PPS] || pps > 1.001*trial.Metrics[record.PPS] {
					t.Errorf("%.0f and %.0f packets/s, %.0f in all", down.Metrics[record.PPS], up.Metrics[record.PPS], trial.Metrics[record.PPS])
				}
				if s.Rate > 0 && (trial.Schedule == nil || down.Accounting.Accepted < 100 || up.Accounting.Accepted < 100) {
					t.Errorf("%d and %d packets by schedule %+v", down.Accounting.Accepted, up.Accounting.Accepted, trial.Schedule)
				}
			})
		}
	}
}

// TestFlowsFollowTheirAnswers: a device with many queues sends a flow to the
// queue on which its answers are written (tun_flow_update of drivers/net/tun.c).
func TestFlowsFollowTheirAnswers(t *testing.T) {
	needRoot(t)
	for _, family := range []int{4, 6} {
		s := short()
		s.Dir, s.Queues, s.Flows, s.IO, s.Family, s.Size = spec.Both, 4, 12, spec.IOPoll, family, 100
		p, err := place(s, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		g, err := load.New(s, bpf.None, p)
		if err != nil {
			t.Fatal(err)
		}
		directions, err := build(g)
		defer func() {
			for _, l := range directions {
				for _, sender := range l.Senders {
					sender.Close()
				}
			}
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}()
		if err != nil {
			t.Fatal(err)
		}
		step := func(l *load.Direction) {
			var control traffic.Control
			for _, sender := range l.Senders {
				for range sender.Flows {
					if err := sender.Step(&control); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		step(directions[1])
		step(directions[0])
		bufs := make([][]byte, 500)
		for i := range bufs {
			bufs[i] = make([]byte, 200)
		}
		for queue, r := range directions[0].Ends {
			if err := r.(*sink.Reader).Sweep(bufs); err != nil {
				t.Fatal(err)
			}
			for flow := range s.Flows {
				want := uint64(0)
				if flow%s.Queues == queue {
					want = 64
				}
				if got := r.Seen().Flow(flow).Delivered; got != want {
					t.Errorf("IPv%d: queue %d: %d packets of flow %d, want %d", family, queue, got, flow, want)
				}
			}
		}
	}
}

func build(g load.Traffic) ([]*load.Direction, error) {
	if _, err := g.Build(context.Background()); err != nil {
		return nil, err
	}
	return g.Open(new(traffic.Control), new(sink.Control))
}
