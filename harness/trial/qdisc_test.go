package trial

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestQdiscDrops: what a qdisc drops is accounted for as its own, and as no drop of the ring,
// with an observer and without. One with room for few bytes drops every longer packet.
func TestQdiscDrops(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"sink":         func(s *spec.Spec) {},
		"sink, packet": func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"sink, both":   func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 2 },
		"tap":          func(s *spec.Spec) { s.Mode, s.Queues, s.Flows = spec.TAP, 2, 4 },
		"relay":        func(s *spec.Spec) { s.Path = spec.PathRelay },
		"relay, both":  func(s *spec.Spec) { s.Path, s.Dir = spec.PathRelay, spec.Both },
		"vpn":          func(s *spec.Spec) { s.Path = spec.PathVPN },
		"bridge":       func(s *spec.Spec) { s.Path, s.Mode = spec.PathBridge, spec.TAP },
		"veth":         func(s *spec.Spec) { s.Path = spec.PathVeth },
		"wireguard":    func(s *spec.Spec) { s.Path = spec.PathWireGuard },
		"wireguard-go": func(s *spec.Spec) { s.Path = spec.PathWireGuardGo },
	} {
		if testing.Short() && !slices.Contains([]string{"sink", "sink, packet", "bridge", "wireguard"}, name) {
			continue // guests are slow
		}
		t.Run(name, func(t *testing.T) {
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				s := short()
				s.Size, s.Qdisc, s.TxQLen = spec.SizeIMIX, "bfifo:limit=800", 5000
				set(&s)
				if s.Path == spec.PathWireGuard && hook != bpf.None {
					continue // which no observer knows
				}
				trial := runOrSkip(t, s, hook)
				balanced(t, trial)
				a := trial.Accounting
				if n := a.Dropped[record.QdiscDrop]; n == 0 || n > a.Accepted/2 {
					t.Errorf("hook=%s: the qdisc dropped %d of %d packets, one in twelve is too long: %v", hook, n, a.Accepted, a.Dropped)
				}
				if trial.Device.Qdisc != s.Qdisc {
					t.Errorf("the qdisc is %s, want %s", trial.Device.Qdisc, s.Qdisc)
				}
			}
		})
	}
}

// holding is a qdisc that holds packets: fq_codel, or what this kernel has.
func holding(t *testing.T) string {
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	const best = "fq_codel:limit=1000:target=5ms"
	if err := ns.Configure("lo", netns.Link{Qdisc: best}); err == nil {
		return best
	} else if !errors.Is(err, unix.ENOENT) {
		t.Fatal(err)
	}
	return "pfifo_fast"
}

// TestStreamsBehindAQdisc: eight streams of eight threads share a queue behind a qdisc. Each
// packet is accounted for, also the GSO packets that a qdisc drops before they are cut.
func TestStreamsBehindAQdisc(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"tun":                 func(s *spec.Spec) {},
		"tap":                 func(s *spec.Spec) { s.Mode = spec.TAP },
		"tun, one sender":     func(s *spec.Spec) { s.Senders = 1 },
		"tun, short ring":     func(s *spec.Spec) { s.TxQLen = 16 },
		"tun, few bytes":      func(s *spec.Spec) { s.Qdisc = "bfifo:limit=4000" },
		"tap, few bytes, vpn": func(s *spec.Spec) { s.Path, s.Qdisc, s.Size = spec.PathVPN, "bfifo:limit=4000", 1400 },
		"tun, GSO packets":    func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadTSO },
		"tun, both":           func(s *spec.Spec) { s.Dir = spec.Both },
	} {
		if testing.Short() && !slices.Contains([]string{"tun", "tap"}, name) {
			continue // guests are slow
		}
		t.Run(name, func(t *testing.T) {
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				s := talking(spec.GenTCP)
				s.Path, s.Flows, s.Senders, s.Qdisc = spec.PathRelay, 8, 8, holding(t)
				set(&s)
				trial := run(t, s, hook)
				trial.Arm = record.Bare // what an observer sees of TCP is compared elsewhere
				balanced(t, trial)
				senders := s.Senders * len(load.DirectionsOf(s))
				if n := len(trial.CPUs.Sender); n != senders {
					t.Errorf("%d senders, want %d", n, senders)
				}
				cpus, workers := host.Crowd(trial.CPUs)
				if crowded := slices.Contains(trial.Flags, record.FlagOversubscribed); crowded != (workers > cpus) {
					t.Errorf("%d workers on %d CPUs, flags %v", workers, cpus, trial.Flags)
				}
				stopped, ok := trial.Metrics[record.Stopped]
				if ok != (hook != bpf.None) || stopped != 0 {
					t.Errorf("hook=%s: stopped for %v of the time (known: %v), which no device is without back-pressure", hook, stopped, ok)
				}
				if strings.HasPrefix(s.Qdisc, "bfifo") && trial.Accounting.Dropped[record.QdiscDrop] == 0 {
					t.Errorf("hook=%s: the qdisc dropped nothing: %v", hook, trial.Accounting.Dropped)
				}
			}
		})
	}
}
