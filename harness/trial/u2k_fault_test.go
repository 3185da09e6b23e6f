package trial

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/load"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// inNamespace does something to the device of a trial that runs.
func inNamespace(t *testing.T, b *packetTrial, do func(netlink.Link) error) {
	t.Helper()
	err := b.site.Hosts[0].NS.Do(func() error {
		link, err := netlink.LinkByName(device.Name)
		if err != nil {
			return err
		}
		return do(link)
	})
	if err != nil {
		t.Error(err)
	}
}

// trialFor makes a trial of s that a test may reach into.
func trialFor(t *testing.T, s spec.Spec, hook bpf.Hook) *packetTrial {
	t.Helper()
	p, err := place(s, []int{0, 1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := load.New(s, hook, p)
	if err != nil {
		t.Fatal(err)
	}
	return newPacketTrial(s, g, p)
}

// TestWrittenDeviceDisappears deletes the device while it is written to: the
// trial ends soon, and says why.
func TestWrittenDeviceDisappears(t *testing.T) {
	needRoot(t)
	for _, dir := range []spec.Dir{spec.U2K, spec.Both} {
		for _, io := range []spec.IO{spec.IORead, spec.IOPoll} {
			s := short()
			s.Dir, s.IO, s.Measure, s.Window = dir, io, 20*time.Second, 20*time.Second
			b := trialFor(t, s, bpf.None)
			later := &laterTrial{packetTrial: b, wait: 100 * time.Millisecond, do: func() {
				inNamespace(t, b, func(l netlink.Link) error { return netlink.LinkDel(l) })
			}}
			begin := time.Now()
			restore := worker.Quiet(4, 0)
			_, err := runPhases(context.Background(), over(later.packetTrial, later))
			restore()
			if err == nil || !strings.Contains(err.Error(), "died") {
				t.Errorf("dir=%s io=%s: %v", dir, io, err)
			}
			if spent := time.Since(begin); spent > 5*time.Second {
				t.Errorf("dir=%s io=%s: noticed after %v", dir, io, spent)
			}
		}
	}
}

// TestWrittenLinkGoesDown takes the link down while the device is written to:
// each write that is refused from then on is counted by its errno.
func TestWrittenLinkGoesDown(t *testing.T) {
	needRoot(t)
	for _, napi := range []spec.NAPI{spec.NAPIOff, spec.NAPIOn} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			s := short()
			s.Dir, s.NAPI, s.Measure = spec.U2K, napi, 300*time.Millisecond
			b := trialFor(t, s, hook)
			later := &laterTrial{packetTrial: b, wait: 150 * time.Millisecond, do: func() {
				inNamespace(t, b, func(l netlink.Link) error { return netlink.LinkSetDown(l) })
			}}
			restore := worker.Quiet(2, 0)
			m, err := runPhases(context.Background(), over(later.packetTrial, later))
			restore()
			if err != nil {
				t.Fatal(err)
			}
			trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
			balanced(t, trial)
			if n := trial.Writes.Errors["EIO"]; n == 0 || n != trial.Accounting.PushedBack {
				t.Errorf("napi=%s: writes refused: %v, %d pushed back", napi, trial.Writes.Errors, trial.Accounting.PushedBack)
			}
		}
	}
}

// TestLinkIsDown is a device that takes nothing from the first write on: a failure, and nothing
// that the kernel lacks.
func TestLinkIsDown(t *testing.T) {
	needRoot(t)
	s := short()
	s.Dir, s.Measure, s.Window = spec.U2K, 20*time.Second, 20*time.Second
	b := trialFor(t, s, bpf.None)
	before := &laterTrial{packetTrial: b, do: func() {
		inNamespace(t, b, func(l netlink.Link) error { return netlink.LinkSetDown(l) })
	}}
	restore := worker.Quiet(2, 0)
	_, err := runPhases(context.Background(), over(before.packetTrial, before))
	restore()
	if err == nil {
		t.Fatal("a trial in which every write was refused has ended well")
	}
	if reason, detail := refusal.Classify(err); reason != record.Failed || !strings.Contains(detail, "write: "+unix.EIO.Error()) {
		t.Errorf("%s: %s", reason, detail)
	}
}

// laterTrial has something happen that long after its start, or right before it.
type laterTrial struct {
	*packetTrial
	wait time.Duration
	do   func()
}

func (b *laterTrial) start(ctx context.Context) error {
	if b.wait == 0 {
		b.do()
		return b.packetTrial.start(ctx)
	}
	if err := b.packetTrial.start(ctx); err != nil {
		return err
	}
	time.AfterFunc(b.wait, b.do)
	return nil
}

// TestReceiverStopsReading lets the receiver begin late: what its socket does
// not hold is lost there, and counted, in both arms.
func TestReceiverStopsReading(t *testing.T) {
	needRoot(t)
	for _, gen := range []spec.Gen{spec.GenUDP, spec.GenUDPGSO} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			s := short()
			s.Dir, s.Gen, s.Size, s.VnetHdr, s.Measure = spec.U2K, gen, 1000, 10, 200*time.Millisecond
			b := trialFor(t, s, hook)
			b.traffic = &lateTraffic{b.traffic}
			restore := worker.Quiet(2, 0)
			m, err := runPhases(context.Background(), b.session())
			restore()
			if err != nil {
				t.Fatal(err)
			}
			trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
			balanced(t, trial)
			if n := trial.Accounting.Dropped[sink.SocketDrops]; n == 0 {
				t.Errorf("gen=%s hook=%s: nothing was dropped at the socket: %+v", gen, hook, trial.Accounting)
			}
		}
	}
}

// lateTraffic has receivers with little room that begin late.
type lateTraffic struct{ load.Traffic }

func (g *lateTraffic) Open(sending *traffic.Control, reading *sink.Control) ([]*load.Direction, error) {
	directions, err := g.Traffic.Open(sending, reading)
	if err != nil {
		return directions, err
	}
	for i, r := range directions[0].Ends {
		r := r.(*sink.Receiver)
		if err := sink.Prepare(r.FDs[0], 1<<16, false); err != nil {
			return directions, err
		}
		late := &lateReader{Receiver: r}
		directions[0].Readers[i], directions[0].Ends[i] = late, late
	}
	return directions, nil
}

// lateReader begins in the middle of a trial.
type lateReader struct {
	*sink.Receiver
	began atomic.Bool
}

func (r *lateReader) Start() error {
	time.AfterFunc(150*time.Millisecond, func() {
		if r.Receiver.Start() == nil {
			r.began.Store(true)
		}
	})
	return nil
}

func (r *lateReader) Thread() *worker.Thread {
	if !r.began.Load() {
		return nil
	}
	return r.Receiver.Thread()
}
