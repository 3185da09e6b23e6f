package trial

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/doctor"
	"tunbench/harness/netns"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestSleepersAreCounted has more readers asleep in tun_do_read than a kretprobe has
// instances (10, or twice the number of possible CPUs). With each hook the same is
// counted as by the generator, the device and the readers, and so the same with all.
func TestSleepersAreCounted(t *testing.T) {
	needRoot(t)
	for _, queues := range []int{16, 64, 256} {
		if queues > 64 && inGuest() {
			continue // two CPUs of an emulator do not end 256 readers in time; the next test has them
		}
		for _, hook := range bpf.Hooks {
			if err := doctor.Prove(hook); err != nil {
				t.Log(err)
				continue
			}
			t.Run(fmt.Sprintf("%d/%s", queues, hook), func(t *testing.T) {
				s := spec.Default()
				s.Queues, s.Flows, s.Rate, s.Count, s.TxQLen = queues, 2*queues, 5000, 4000, 4096 // none is dropped
				s.Warmup, s.Measure, s.Window = 0, 10*time.Second, 50*time.Millisecond
				trial := run(t, s, hook)
				balanced(t, trial)
				a, o := trial.Accounting, trial.Observer
				if a.Accepted < s.Count || *a.Xmit != a.Accepted || *a.Read != a.Accepted || a.DroppedTotal() > 0 || len(trial.Queues) != queues {
					t.Errorf("%d packets: %+v on %d queues", s.Count, a, len(trial.Queues))
				}
				if o.MissedRuns > 0 {
					t.Errorf("%d runs were missed", o.MissedRuns)
				}
				// More by those that sleep at the end, which signals make begin again.
				if hook.SeesCalls() != (o.ReadCalls != nil) || o.ReadCalls != nil && *o.ReadCalls < trial.Reads.Calls {
					t.Errorf("%v calls of tun_do_read, the readers made %d", value(o.ReadCalls), trial.Reads.Calls)
				}
			})
		}
	}
}

// TestHooksCountTheSame has all hooks at once on a device whose many readers sleep in
// tun_do_read.
func TestHooksCountTheSame(t *testing.T) {
	needRoot(t)
	for _, queues := range []int{16, 64, 256} {
		t.Run(fmt.Sprint(queues), func(t *testing.T) {
			s := spec.Default()
			s.Queues, s.TxQLen = queues, 4096
			ns, err := netns.New()
			if err != nil {
				t.Fatal(err)
			}
			defer ns.Close()
			d, err := device.New(ns, device.Name, s, device.LinkOf(s))
			defer d.Close()
			if err != nil {
				t.Fatal(err)
			}
			observers := map[bpf.Hook]*bpf.Observer{}
			for _, hook := range bpf.Hooks {
				o, err := bpf.Open(bpf.Options{Hook: hook, Target: d.Target(1)})
				if err != nil {
					t.Log(err)
					continue
				}
				defer o.Close()
				observers[hook] = o
			}
			wake := sleepers(d)
			defer wake()
			before, err := d.Counters()
			if err != nil {
				t.Fatal(err)
			}
			const rounds = 10
			sendFlows(t, d, 2*queues, rounds)
			eventually(t, "all packets are read", func() bool {
				c, err := d.Counters()
				return err == nil && c.TxPackets-before.TxPackets == uint64(2*queues*rounds)
			})
			time.Sleep(50 * time.Millisecond) // the last reader calls again
			sent, err := d.Counters()
			if err != nil {
				t.Fatal(err)
			}
			same(t, observers, sent, uint64(queues))
		})
	}
}

// same compares what hooks have counted with each other and with the device.
func same(t *testing.T, observers map[bpf.Hook]*bpf.Observer, sent netns.Counters, readers uint64) {
	t.Helper()
	var calls []uint64
	var first []bpf.Queue
	for hook, o := range observers {
		s, err := o.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		var sum bpf.Queue
		for i := range s.Queues {
			q := &s.Queues[i]
			sum.XmitPkts += q.XmitPkts
			sum.XmitBytes += q.XmitBytes
			sum.ReadPkts += q.ReadPkts
			sum.ReadBytes += q.ReadBytes
			sum.ReadCalls += q.ReadCalls
			q.ReadCalls, q.Residency, q.Missed, q.Depth = 0, nil, 0, nil
		}
		if sum.XmitPkts != sent.TxPackets || sum.ReadPkts != sent.TxPackets || sum.XmitBytes != sent.TxBytes || sum.ReadBytes != sent.TxBytes || s.Strays > 0 {
			t.Errorf("%s: %+v, the device sent %d packets, %d bytes", hook, sum, sent.TxPackets, sent.TxBytes)
		}
		if n, err := o.MissedRuns(); n > 0 || err != nil {
			t.Errorf("%s: %d runs were missed, %v", hook, n, err)
		}
		if first == nil {
			first = s.Queues
		} else if !slices.Equal(first, s.Queues) {
			t.Errorf("%s: %+v, another hook counted %+v", hook, s.Queues, first)
		}
		if hook.SeesCalls() {
			calls = append(calls, sum.ReadCalls)
		}
	}
	for _, n := range calls { // each reader sleeps in a call that has not returned
		if want := sent.TxPackets + readers; n != calls[0] || n < want || n > want+want/100 {
			t.Errorf("%d calls of tun_do_read, want %d", calls, want)
		}
	}
	t.Logf("%d hooks, %d packets to %d readers, %d calls", len(observers), sent.TxPackets, readers, calls)
}

// sleepers starts a reader for each queue; what is returned ends them.
func sleepers(d *device.Device) (wake func()) {
	var stop atomic.Bool
	var running sync.WaitGroup
	threads := make(chan int, len(d.Queues()))
	for _, q := range d.Queues() {
		running.Go(func() {
			runtime.LockOSThread()
			threads <- unix.Gettid()
			for buf := make([]byte, 2048); !stop.Load(); {
				unix.Read(q.FD(), buf)
			}
		})
	}
	var list []int
	for range d.Queues() {
		list = append(list, <-threads)
	}
	time.Sleep(200 * time.Millisecond)
	return func() {
		stop.Store(true)
		for _, q := range d.Queues() {
			unix.SetNonblock(q.FD(), true)
		}
		for _, thread := range list { // the call begins again, and does not sleep
			unix.Tgkill(unix.Getpid(), thread, unix.SIGURG)
		}
		running.Wait()
	}
}

// sendFlows sends a packet of each of so many flows, several times.
func sendFlows(t *testing.T, d *device.Device, flows, rounds int) {
	t.Helper()
	addr, peer := device.Addresses(d.Spec)
	err := d.NS.Do(func() error {
		var fds []int
		defer func() {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}()
		for range flows {
			fd, err := socket.UDP(netip.AddrPortFrom(addr.Addr(), 0), netip.AddrPortFrom(peer, 9), 0)
			if err != nil {
				return err
			}
			fds = append(fds, fd)
		}
		for range rounds {
			for _, fd := range fds {
				if _, err := unix.Write(fd, []byte{0}); err != nil {
					return err
				}
			}
			time.Sleep(10 * time.Millisecond) // to let them sleep
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestToggledObserver has an observer that is taken away while the other side of its pair
// is measured, and counts all that happens on its own.
func TestToggledObserver(t *testing.T) {
	needRoot(t)
	for _, hook := range bpf.Hooks {
		if doctor.Prove(hook) != nil {
			continue
		}
		s := short()
		trials, err := lab.RunPair(t.Context(), [2]Variant{{s, string(bpf.None)}, {s, string(hook)}}, 1, record.Floor{SyscallNs: 100, CopyNs: map[string]float64{"64": 10}})
		if err != nil {
			t.Fatal(err)
		}
		balanced(t, trials[1])
		if o := trials[1].Observer; (o.ReadCalls == nil) != (o.NoReads != "") || hook.SeesCalls() != (o.ReadCalls != nil) {
			t.Errorf("%s: %+v", hook, o)
		}
	}
}

// value is a count, or nil where there is none.
func value(n *uint64) any {
	if n == nil {
		return nil
	}
	return *n
}
