package traffic

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
)

// malformedQueue makes a device of that kind in a namespace, or skips the test.
func malformedQueue(t testing.TB, c tuntap.Config) (fd int, counters func() netns.Counters) {
	t.Helper()
	ns, err := netns.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	c.Queues = 1
	var d *tuntap.Device
	if err := ns.Do(func() (err error) {
		d, err = tuntap.Create(c)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := ns.Configure(c.Name, netns.Link{Addr: []netip.Prefix{netip.PrefixFrom(here, 24)}}); err != nil {
		t.Fatal(err)
	}
	return d.Queues()[0].FD(), func() netns.Counters {
		c, err := ns.Counters(c.Name)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

const malformedVnet = 12

// malformed are the kinds of devices that malformed packets are written to.
var malformed = map[string]struct {
	device tuntap.Config
	sender func(*Config)
}{
	"tun":   {tuntap.Config{Name: "mal0", VnetHdr: malformedVnet, NonBlock: true}, func(*Config) {}},
	"tap":   {tuntap.Config{Name: "mal0", TAP: true, VnetHdr: malformedVnet, NonBlock: true}, func(c *Config) { c.TAP = true }},
	"napi":  {tuntap.Config{Name: "mal0", VnetHdr: malformedVnet, NAPI: true, NonBlock: true}, func(*Config) {}},
	"frags": {tuntap.Config{Name: "mal0", TAP: true, VnetHdr: malformedVnet, NAPI: true, NAPIFrags: true, NonBlock: true}, func(c *Config) { c.TAP = true }},
}

// malform writes a GSO packet whose virtio-net header begins with those bytes
// and which is cut to that length.
func malform(s *Sender, header []byte, length int) error {
	copy(s.batch.device, header)
	iovecs := s.batch.iovecs
	iovecs[len(iovecs)-1].SetLen(min(max(length, 0), len(s.batch.buffers[0])))
	return s.Step(s.control)
}

func malformer(fd int, set func(*Config)) *Sender {
	s := writer(fd, func(c *Config) {
		c.Kind, c.Size, c.Messages, c.VnetHdr, c.Vectored = WriteGSO, 600, 1, malformedVnet, true
		set(c)
	})
	s.writes.failed = -1 // however many are refused, go on
	return s
}

// TestMalformed writes packets with random virtio-net headers and lengths: each
// is taken or refused with an errno that has a name, and all are counted.
func TestMalformed(t *testing.T) {
	for name, kind := range malformed {
		t.Run(name, func(t *testing.T) {
			fd, counters := malformedQueue(t, kind.device)
			s := malformer(fd, kind.sender)
			rng := rand.New(rand.NewPCG(7, 11))
			const n = 5000
			begin := time.Now()
			for range n {
				header := make([]byte, 10)
				for i := range header {
					header[i] = byte(rng.Uint32())
				}
				if rng.IntN(4) > 0 { // nearly right
					header[0] &= 3
					header[1] = []byte{0, 1, 3, 4, 5, 0x81, 0x25}[rng.IntN(7)]
					header[3], header[5], header[7], header[9] = 0, header[5]&3, 0, 0
				}
				length := rng.IntN(70000)
				if rng.IntN(2) == 0 {
					length = rng.IntN(100)
				}
				if err := malform(s, header, length); err != nil {
					t.Fatal(err)
				}
			}
			if spent := time.Since(begin); spent > 20*time.Second {
				t.Errorf("it took %v", spent)
			}
			p, w := s.Progress(), s.Writes()
			each := s.batch.segments
			if p.Accepted+p.PushedBack != n*each || p.Accepted == 0 || w.Errors["EINVAL"] == 0 {
				t.Errorf("%+v of %d packets, %v", p, n, w.Errors)
			}
			var refused uint64
			for errno, count := range w.Errors {
				refused += count
				if len(errno) < 3 || errno[0] != 'E' {
					t.Errorf("%d packets were refused by %q", count, errno)
				}
			}
			if refused*each != p.PushedBack {
				t.Errorf("%v refused, %d pushed back", w.Errors, p.PushedBack)
			}
			if c := counters(); c.RxPackets*each != p.Accepted {
				t.Errorf("%d packets were taken, the device counted %d", p.Accepted/each, c.RxPackets)
			}
		})
	}
}

// FuzzMalformed does the same with whatever the fuzzer thinks of.
func FuzzMalformed(f *testing.F) {
	f.Add([]byte{1, 5, 28, 0, 68, 2, 20, 0, 6, 0}, 3000)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 255, 255, 255, 255}, 64)
	f.Add([]byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 0)
	var senders []*Sender
	for _, kind := range malformed {
		fd, _ := malformedQueue(f, kind.device)
		senders = append(senders, malformer(fd, kind.sender))
	}
	f.Fuzz(func(t *testing.T, header []byte, length int) {
		for _, s := range senders {
			before := s.counts
			if err := malform(s, header[:min(len(header), malformedVnet)], length); err != nil {
				t.Fatal(err)
			}
			if done := s.counts.Accepted + s.counts.PushedBack - before.Accepted - before.PushedBack; done < s.batch.segments {
				t.Fatalf("%d segments were counted of a packet of %d", done, s.batch.segments)
			}
		}
	})
}
