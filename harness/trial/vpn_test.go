package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// hopsAgree holds that what one place gave out is what the next one took, in
// each direction of s.
func hopsAgree(t *testing.T, s spec.Spec, trial record.Trial) {
	t.Helper()
	// Super-packets may be joined in a device and cut before a socket.
	hops := slices.DeleteFunc(slices.Clone(trial.Hops), func(h record.Hop) bool { return strings.HasPrefix(h.Name, "sockets of ") })
	each := len(hops) / len(load.DirectionsOf(s))
	if each < 3 {
		t.Fatalf("hops %+v", trial.Hops)
	}
	for i, hop := range hops {
		var dropped uint64
		for _, n := range hop.Dropped {
			dropped += n
		}
		if hop.In != hop.Out+dropped {
			t.Errorf("%s: %d in, %d out, dropped %v", hop.Name, hop.In, hop.Out, hop.Dropped)
		}
		if i%each > 0 && !strings.HasPrefix(hop.Name, "device") && hop.In != hops[i-1].Out {
			t.Errorf("%s: %d in, %s gave %d", hop.Name, hop.In, hops[i-1].Name, hops[i-1].Out)
		}
	}
}

func TestVPN(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"none":           func(s *spec.Spec) {},
		"chacha":         func(s *spec.Spec) { s.Cipher = spec.CipherChaCha },
		"aes poll":       func(s *spec.Spec) { s.Cipher, s.IO = spec.CipherAES, spec.IOPoll },
		"readv pi":       func(s *spec.Spec) { s.IO, s.PI = spec.IOReadv, true },
		"both":           func(s *spec.Spec) { s.Dir, s.Cipher = spec.Both, spec.CipherChaCha },
		"queues":         func(s *spec.Spec) { s.Queues, s.Flows, s.IO, s.Cipher = 4, 16, spec.IOPoll, spec.CipherAES },
		"ipv6":           func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"imix":           func(s *spec.Spec) { s.Size, s.Cipher = spec.SizeIMIX, spec.CipherChaCha },
		"full size":      func(s *spec.Spec) { s.Size, s.Cipher = 1500, spec.CipherAES },
		"longest":        func(s *spec.Spec) { s.Size, s.Cipher = spec.MaxTunnelled, spec.CipherChaCha },
		"segments":       func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"napi":           func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"small sndbuf":   func(s *spec.Spec) { s.SndBuf = 65536 },
		"paced":          func(s *spec.Spec) { s.Rate, s.IO = 2000, spec.IOPoll },
		"pfifo and ring": func(s *spec.Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 16 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path = spec.PathVPN
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				if s.Dir == spec.Both {
					trial.Queues = nil // of the first device only
				}
				balanced(t, trial)
				hopsAgree(t, s, trial)
				if len(trial.Devices) != 2 || trial.Devices[1].Name != path.Names[1] {
					t.Errorf("devices %+v", trial.Devices)
				}
			}
		})
	}
}

// The rate is far below what a VPN waits: nothing is lost, and each packet is
// sealed and opened once.
func TestVPNWithoutLoss(t *testing.T) {
	needRoot(t)
	s := short()
	s.Path, s.Cipher, s.IO, s.Rate = spec.PathVPN, spec.CipherChaCha, spec.IOPoll, 500
	trial := run(t, s, bpf.None)
	a := trial.Accounting
	if a.Accepted != a.Delivered || a.DroppedTotal() != 0 || a.Duplicates != 0 {
		t.Errorf("%+v", a)
	}
	for _, hop := range trial.Hops {
		if hop.In != a.Accepted || hop.Out != a.Accepted {
			t.Errorf("%s: %d in, %d out, of %d", hop.Name, hop.In, hop.Out, a.Accepted)
		}
	}
}

func TestTunnelsRefuse(t *testing.T) {
	for name, set := range map[string]func(*spec.Spec){
		"vnet":     func(s *spec.Spec) { s.VnetHdr = 10 },
		"too long": func(s *spec.Spec) { s.Size = spec.MaxTunnelled + 1 },
		"uring":    func(s *spec.Spec) { s.IO = spec.IOURing },
		"vhost":    func(s *spec.Spec) { s.IO = spec.IOVhost },
		"tap":      func(s *spec.Spec) { s.Mode = spec.TAP },
	} {
		s := spec.Default()
		s.Path = spec.PathVPN
		set(&s)
		if err := s.Validate(); !errors.Is(err, spec.ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// breaks runs a trial of s and lets f break something in the middle. It must end
// with an error, soon.
func breaks(t *testing.T, s spec.Spec, f func(hosts [2]path.Host) error) error {
	t.Helper()
	s.Warmup, s.Measure = 0, 20*time.Second
	p, err := placeFor(s)
	if err != nil {
		t.Fatal(err)
	}
	b := sole(t, s, bpf.None, p)
	broken := make(chan error, 1)
	var at time.Time
	restore := worker.Quiet(len(host.CPUs(p)), 0)
	_, err = runPhases(context.Background(), begun(b.session(), func() {
		time.AfterFunc(200*time.Millisecond, func() {
			at = time.Now()
			broken <- f(b.site.Hosts)
		})
	}))
	restore()
	if breakErr := <-broken; breakErr != nil {
		t.Fatal(breakErr)
	}
	if took := time.Since(at); took > 2*time.Second {
		t.Errorf("the trial ended %v after the fault", took)
	}
	if err == nil {
		t.Fatal("the trial ended well")
	}
	return err
}

func placeFor(s spec.Spec) (record.Placement, error) {
	cpus, err := host.Affinity()
	if err != nil {
		return record.Placement{}, err
	}
	return place(s, cpus)
}

// A device of either host goes, or the network below.
func TestTunnelFaults(t *testing.T) {
	needRoot(t)
	for name, fault := range map[string]struct {
		host int
		link string
	}{
		"first device":  {0, path.Names[0]},
		"second device": {1, path.Names[1]},
		"network below": {1, path.UnderlayNames[1]},
	} {
		for _, set := range []func(*spec.Spec){
			func(s *spec.Spec) { s.Path = spec.PathVPN },
			func(s *spec.Spec) { s.Path, s.IO = spec.PathVPN, spec.IOPoll },
			func(s *spec.Spec) { s.Path = spec.PathWireGuardGo },
		} {
			s := short()
			set(&s)
			t.Run(fmt.Sprintf("%s %s %s", s.Path, s.IO, name), func(t *testing.T) {
				err := breaks(t, s, func(hosts [2]path.Host) error { return hosts[fault.host].NS.Delete(fault.link) })
				t.Log(err)
			})
		}
	}
}
