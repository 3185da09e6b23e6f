package trial

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// capture is tcpdump on a device: its file format is the tool's own, which
// knows nothing of ours.
type capture struct {
	cmd    *exec.Cmd
	said   bytes.Buffer // on stderr
	ended  chan struct{}
	mu     sync.Mutex // guards packets and bytes
	packet int
	bytes  uint64 // on the wire, link headers included
}

// startCapture returns when tcpdump listens.
func startCapture(t *testing.T, ns *netns.NS, device string) *capture {
	t.Helper()
	path, err := exec.LookPath("tcpdump")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("tcpdump is missing, and CI must have it")
		}
		t.Skip("tcpdump is missing: scripts/setup.sh test installs it")
	}
	c := &capture{
		cmd:   exec.Command(path, "-i", device, "-n", "-w", "-", "-U", "--immediate-mode", "-Z", "root", "-B", "65536", "-s", "64"),
		ended: make(chan struct{}),
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The child is in the namespace of the thread that makes it.
	if err := ns.Do(c.cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.cmd.Process.Kill(); c.cmd.Wait() })
	lines := bufio.NewReader(said)
	for !strings.Contains(c.said.String(), "listening on") {
		line, err := lines.ReadString('\n')
		c.said.WriteString(line)
		if err != nil {
			t.Fatalf("tcpdump: %v: %s", err, &c.said)
		}
	}
	go func() { c.count(out); io.Copy(&c.said, lines); close(c.ended) }()
	return c
}

// count reads the file as it is written (pcap-savefile(5)), until it ends.
func (c *capture) count(out io.Reader) {
	r := bufio.NewReader(out)
	if _, err := r.Discard(24); err != nil {
		return
	}
	for {
		var h struct{ Sec, Usec, Kept, Length uint32 }
		if binary.Read(r, binary.NativeEndian, &h) != nil {
			return
		}
		if _, err := r.Discard(int(h.Kept)); err != nil {
			return
		}
		c.mu.Lock()
		c.packet++
		c.bytes += uint64(h.Length)
		c.mu.Unlock()
	}
}

// stop ends tcpdump once it sees nothing more.
func (c *capture) stop(t *testing.T) {
	t.Helper()
	seen := func() int { c.mu.Lock(); defer c.mu.Unlock(); return c.packet }
	for before := -1; before != seen(); {
		before = seen()
		time.Sleep(100 * time.Millisecond)
	}
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-c.ended
	if !strings.Contains(c.said.String(), "\n0 packets dropped by kernel") {
		t.Fatalf("tcpdump missed some: %s", &c.said)
	}
}

// watchedTrial starts tcpdump before the traffic, and ends it while there is still
// a device.
type watchedTrial struct {
	*packetTrial
	listen, end func()
}

func (b *watchedTrial) start(ctx context.Context) error { b.listen(); return b.packetTrial.start(ctx) }

func (b *watchedTrial) collect() error { b.end(); return b.packetTrial.collect() }

// TestTcpdumpAgrees: tcpdump on the device sees as many packets, or
// GSO packets, and bytes as we count.
func TestTcpdumpAgrees(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"udp":           func(s *spec.Spec) {},
		"tap ipv6":      func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 200 },
		"packet":        func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"uso":           func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1500, 10, spec.OffloadUSO },
		"tso":           func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenPacketGSO, 1500, 12, spec.OffloadTSO },
		"tso split tap": func(s *spec.Spec) { s.Mode, s.Gen, s.Size = spec.TAP, spec.GenPacketGSO, 1500 },
		"written":       func(s *spec.Spec) { s.Dir = spec.U2K },
		"written tap":   func(s *spec.Spec) { s.Dir, s.Mode, s.NAPI, s.Family, s.Size = spec.U2K, spec.TAP, spec.NAPIOn, 6, 300 },
		"written uso":   func(s *spec.Spec) { s.Dir, s.Gen, s.Size, s.VnetHdr = spec.U2K, spec.GenUDPGSO, 1500, 10 },
		"written tso": func(s *spec.Spec) {
			s.Dir, s.Mode, s.Gen, s.Size, s.VnetHdr = spec.U2K, spec.TAP, spec.GenPacketGSO, 1500, 24
		},
		"written tcp": func(s *spec.Spec) { s.Dir, s.Gen, s.Size = spec.U2K, spec.GenPacketGSO, 1500 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			set(&s)
			s.IO, s.Count, s.Warmup, s.Measure = spec.IOPoll, 2000, 0, 5*time.Second
			p, err := host.Place(nil, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			g, err := load.New(s, bpf.Tracepoint, p)
			if err != nil {
				t.Fatal(err)
			}
			b := newPacketTrial(s, g, p)
			var dump *capture
			w := &watchedTrial{b, func() { dump = startCapture(t, b.site.Hosts[0].NS, b.site.Hosts[0].Link) }, func() { dump.stop(t) }}
			restore := worker.Quiet(2, 0)
			m, err := runPhases(context.Background(), over(w.packetTrial, w))
			restore()
			if err != nil {
				t.Fatal(err)
			}
			trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
			balanced(t, trial)
			skbs := trial.Accounting.Accepted / b.directions[0].PerSKB
			headers := packet.HeadersLen(s.Mode == spec.TAP, s.Family)
			if s.Gen == spec.GenPacketGSO {
				headers = packet.TCPHeadersLen(s.Mode == spec.TAP, s.Family)
			}
			payload := s.Size - headers
			if s.Mode == spec.TAP {
				payload += packet.EthernetLen
			}
			if want := skbs*uint64(headers) + trial.Accounting.Accepted*uint64(payload); uint64(dump.packet) != skbs || dump.bytes != want {
				t.Errorf("tcpdump saw %d packets of %d bytes, we %d of %d", dump.packet, dump.bytes, skbs, want)
			}
		})
	}
}
