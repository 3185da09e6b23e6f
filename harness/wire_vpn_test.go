package harness

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
	"tunbench/reports/record"
)

// hopsAgree holds that what one place gave out is what the next one took, in
// each direction of s.
func hopsAgree(t *testing.T, s Spec, trial record.Trial) {
	t.Helper()
	// Super-packets may be joined in a device and cut before a socket.
	hops := slices.DeleteFunc(slices.Clone(trial.Hops), func(h record.Hop) bool { return strings.HasPrefix(h.Name, "sockets of ") })
	each := len(hops) / len(directionsOf(s))
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
	for name, set := range map[string]func(*Spec){
		"none":           func(s *Spec) {},
		"chacha":         func(s *Spec) { s.Cipher = CipherChaCha },
		"aes poll":       func(s *Spec) { s.Cipher, s.IO = CipherAES, IOPoll },
		"readv pi":       func(s *Spec) { s.IO, s.PI = IOReadv, true },
		"both":           func(s *Spec) { s.Dir, s.Cipher = Both, CipherChaCha },
		"queues":         func(s *Spec) { s.Queues, s.Flows, s.IO, s.Cipher = 4, 16, IOPoll, CipherAES },
		"ipv6":           func(s *Spec) { s.Family, s.Size = 6, 200 },
		"imix":           func(s *Spec) { s.Size, s.Cipher = SizeIMIX, CipherChaCha },
		"full size":      func(s *Spec) { s.Size, s.Cipher = 1500, CipherAES },
		"longest":        func(s *Spec) { s.Size, s.Cipher = MaxTunnelled, CipherChaCha },
		"segments":       func(s *Spec) { s.Gen, s.Size = GenUDPGSO, 1400 },
		"napi":           func(s *Spec) { s.NAPI = NAPIOn },
		"small sndbuf":   func(s *Spec) { s.SndBuf = 65536 },
		"paced":          func(s *Spec) { s.Rate, s.IO = 2000, IOPoll },
		"pfifo and ring": func(s *Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 16 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path = PathVPN
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				if s.Dir == Both {
					trial.Queues = nil // of the first device only
				}
				balanced(t, trial)
				hopsAgree(t, s, trial)
				if len(trial.Devices) != 2 || trial.Devices[1].Name != tunnelNames[1] {
					t.Errorf("devices %+v", trial.Devices)
				}
			}
		})
	}
}

// The rate is far below what a VPN carries: nothing is lost, and each packet is
// sealed and opened once.
func TestVPNWithoutLoss(t *testing.T) {
	needRoot(t)
	s := short()
	s.Path, s.Cipher, s.IO, s.Rate = PathVPN, CipherChaCha, IOPoll, 500
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
	for name, set := range map[string]func(*Spec){
		"vnet":     func(s *Spec) { s.VnetHdr = 10 },
		"too long": func(s *Spec) { s.Size = MaxTunnelled + 1 },
		"uring":    func(s *Spec) { s.IO = IOURing },
		"vhost":    func(s *Spec) { s.IO = IOVhost },
		"tap":      func(s *Spec) { s.Mode = TAP },
	} {
		s := Default()
		s.Path = PathVPN
		set(&s)
		if err := s.Validate(); !errors.Is(err, ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// breaks runs a trial of s and lets f break something in the middle. It must end
// with an error, soon.
func breaks(t *testing.T, s Spec, f func(w wire) error) error {
	t.Helper()
	s.Warmup, s.Measure = 0, 20*time.Second
	p, err := placeFor(s)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wireFor(s, bpf.None, p)
	if err != nil {
		t.Fatal(err)
	}
	b := newBed(s, newHosts(s, w, p), p)
	broken := make(chan error, 1)
	var at time.Time
	time.AfterFunc(300*time.Millisecond, func() {
		at = time.Now()
		broken <- f(w)
	})
	restore := quiet(len(cpusOf(p)))
	_, err = runPhases(context.Background(), b, s)
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

func placeFor(s Spec) (record.Placement, error) {
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
		"first device":  {0, tunnelNames[0]},
		"second device": {1, tunnelNames[1]},
		"network below": {1, underlayNames[1]},
	} {
		for _, set := range []func(*Spec){
			func(s *Spec) { s.Path = PathVPN },
			func(s *Spec) { s.Path, s.IO = PathVPN, IOPoll },
			func(s *Spec) { s.Path = PathWireGuardGo },
		} {
			s := short()
			set(&s)
			t.Run(fmt.Sprintf("%s %s %s", s.Path, s.IO, name), func(t *testing.T) {
				err := breaks(t, s, func(w wire) error { return w.ends()[fault.host].ns.Delete(fault.link) })
				t.Log(err)
			})
		}
	}
}
