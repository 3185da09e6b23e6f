package traffic

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

var (
	there = netip.MustParseAddr("198.18.0.2")
	here  = netip.MustParseAddr("198.18.0.1")
)

// writer gives a sender that writes to that descriptor.
func writer(fd int, set func(*Config)) *Sender {
	c := Config{Kind: Write, Src: there, Dst: here, Flows: []int{3}, Size: 64, Written: Written{FDs: []int{fd}}}
	if set != nil {
		set(&c)
	}
	s := newSender(c)
	s.fds = c.FDs
	s.control = new(Control)
	return s
}

// BenchmarkWrite is what a packet costs beside the kernel's work: bare is the
// system call alone.
func BenchmarkWrite(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	b.Run("bare", func(b *testing.B) {
		buf := make([]byte, 64)
		for range b.N {
			worker.Turn()
			unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), 64)
		}
	})
	for name, set := range map[string]func(*Config){
		"64":   nil,
		"1500": func(c *Config) { c.Size = 1500 },
		"vnet": func(c *Config) { c.VnetHdr = 12 },
		"gso":  func(c *Config) { c.Kind, c.Size, c.VnetHdr = WriteGSO, 1500, 12 },
	} {
		b.Run(name, func(b *testing.B) {
			s := writer(fd, set)
			b.ReportAllocs()
			for done := 0; done < b.N; done += s.batch.messages() {
				if err := s.Step(s.control); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestRefused holds what is counted of writes that the kernel refuses: those of
// a descriptor that was not opened for writing are, each with EBADF.
func TestRefused(t *testing.T) {
	read, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	s := writer(int(read.Fd()), nil)
	for range 3 {
		if err := s.Step(s.control); err != nil {
			t.Fatal(err)
		}
	}
	const n = 3 * batchMessages
	p, w := s.Progress(), s.Writes()
	if p.Accepted != 0 || p.PushedBack != n || p.Calls != n || w.Errors["EBADF"] != n || s.Sent()[0] != 0 || len(w.Sizes) > 0 {
		t.Errorf("%+v, %+v, %v sent", p, w, s.Sent())
	}
	for err == nil {
		err = s.Step(s.control)
	}
	if refused, ok := err.(*call.Error); !ok || refused.Err != unix.EBADF || s.counts.PushedBack != giveUp {
		t.Errorf("after %d writes in vain: %v", s.counts.PushedBack, err)
	}
}

// TestWritesGoOn holds that a packet that is refused is passed over, that one
// that found no room is written again, and that each is counted as what it was.
func TestWritesGoOn(t *testing.T) {
	s := writer(0, func(c *Config) { c.Flows = []int{3, 5}; c.FDs = []int{0, 0} })
	s.writes.each = false // the batch is stamped before the call
	answers := []struct {
		n     int
		errno unix.Errno
	}{{10, unix.EIO}, {0, unix.EAGAIN}, {0, unix.EAGAIN}, {5, unix.EINVAL}, {0, unix.EINTR}, {64, 0}}
	s.call = func(_ int, messages []socket.Message) (int, unix.Errno) {
		a := answers[0]
		answers = answers[1:]
		return min(a.n, len(messages)), a.errno
	}
	if err := s.Step(s.control); err != nil {
		t.Fatal(err)
	}
	p, w := s.Progress(), s.Writes()
	if p.Accepted != 62 || p.PushedBack != 4 || s.Sent()[0] != 62 || s.Sent()[1] != 0 {
		t.Errorf("%+v, %v sent", p, s.Sent())
	}
	if w.Errors["EIO"] != 1 || w.Errors["EAGAIN"] != 2 || w.Errors["EINVAL"] != 1 || len(w.Errors) != 3 || w.Bytes != 62*64 || w.Sizes["64"] != 62 {
		t.Errorf("%+v", w)
	}
	if s.seqs[0] != 64 {
		t.Errorf("the next packet has number %d, want 64", s.seqs[0])
	}
}

// TestWholeWrites holds that what is written is what readers of other packets
// find right: each write is a packet, complete and in order.
func TestWholeWrites(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"tun":     nil,
		"tap":     func(c *Config) { c.TAP = true },
		"pi":      func(c *Config) { c.PI = true },
		"writev":  func(c *Config) { c.PI, c.VnetHdr, c.Vectored = true, 12, true },
		"answers": func(c *Config) { c.Answers = true },
		"paced":   func(c *Config) { c.Pace = Pace{Rate: 1e9, Senders: 1} },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "written")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s := writer(int(f.Fd()), set)
			if s.Pace.Rate > 0 {
				s.schedule.start = s.now()
				err = pacer{s}.sendDue(s.now() + 1e6)
			} else {
				err = s.Step(s.control)
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			each := len(s.batch.device) + 64
			if s.TAP {
				each += 14
			}
			if len(got) != 64*each || uint64(len(got)) != s.Writes().Bytes {
				t.Fatalf("%d bytes were written, %d counted, want 64 times %d", len(got), s.Writes().Bytes, each)
			}
			looks := uint64(64 / timedEvery)
			if s.Pace.Rate > 0 {
				looks = 64
			}
			if s.counts.Looks != looks {
				t.Errorf("%d looks at the clock, want %d", s.counts.Looks, looks)
			}
			for i := range 64 {
				checkWritten(t, s, got[i*each:][:each], uint64(i))
			}
		})
	}
}

// checkWritten holds one packet against what it should be.
func checkWritten(t *testing.T, s *Sender, b []byte, seq uint64) {
	t.Helper()
	if string(b[:len(s.batch.device)]) != string(s.batch.device) {
		t.Fatalf("packet %d begins with % x", seq, b[:len(s.batch.device)])
	}
	b = b[len(s.batch.device):]
	var l packet.Layout
	if !l.Parse(b, s.TAP) {
		t.Fatalf("packet %d is none", seq)
	}
	if s.VnetHdr == 0 && !l.Sums(b) {
		t.Fatalf("packet %d has a wrong checksum", seq)
	}
	src, dst := binary.BigEndian.Uint16(b[l.Transport:]), binary.BigEndian.Uint16(b[l.Transport+2:])
	if src != s.SrcPort(3) || dst != s.DstPort(3) {
		t.Fatalf("packet %d goes from port %d to %d", seq, src, dst)
	}
	var stamp packet.Stamp
	if !stamp.Parse(b[l.Payload:]) || stamp.Flow != 3 || stamp.Seq != seq || stamp.Intended > stamp.Sent+1e9 {
		t.Fatalf("packet %d bears %+v", seq, stamp)
	}
	// In an open loop all bear the time, else one in timedEvery.
	if timed := s.Pace.Rate > 0 || seq%timedEvery == 0; (stamp.Sent != 0) != timed || (stamp.Intended != 0) != timed {
		t.Fatalf("packet %d bears the times %d and %d", seq, stamp.Intended, stamp.Sent)
	}
}
