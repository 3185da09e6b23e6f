package forward

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair gives two ends of a socket that keeps packets apart, as a device does.
func pair(t *testing.T) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// TestForwarderCopiesAsItIs sends packets of many lengths through a forwarder and
// holds what comes out against what went in.
func TestForwarderCopiesAsItIs(t *testing.T) {
	for name, wait := range map[string]Wait{"block": Block, "poll": Poll, "spin": Spin} {
		for _, headers := range []int{0, 14} {
			t.Run(fmt.Sprintf("%s/headers=%d", name, headers), func(t *testing.T) {
				in, from := pair(t)
				to, out := pair(t)
				if err := unix.SetNonblock(from, wait != Block); err != nil {
					t.Fatal(err)
				}
				c := New(Config{Name: "relay", From: from, To: to, Wait: wait, Headers: headers, MaxRead: 4096})
				if err := c.Start(); err != nil {
					t.Fatal(err)
				}
				var sum uint64
				got := make([]byte, 8192)
				for length := 1; length <= 4096; length = length*3 + 1 {
					sent := bytes.Repeat([]byte{byte(length), 0xa5}, length)[:length]
					if _, err := unix.Write(in, sent); err != nil {
						t.Fatal(err)
					}
					n, err := unix.Read(out, got)
					if err != nil || !bytes.Equal(got[:n], sent) {
						t.Fatalf("%d bytes came as %d, %v", length, n, err)
					}
					sum += uint64(length)
				}
				end(t, c)
				if c.In != c.Out || c.Bytes != sum || c.Failed() != 0 || c.Calls() < 2*c.In {
					t.Errorf("counted %d in, %d out, %d bytes of %d, %d calls, %v", c.In, c.Out, c.Bytes, sum, c.Calls(), c.ByName())
				}
			})
		}
	}
}

// end finishes a forwarder as the one does who runs it.
func end(t *testing.T, c *Forwarder) {
	t.Helper()
	deadline := time.After(5 * time.Second)
	for {
		if err := c.Finish(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.Thread().Done():
			if err := c.Thread().Wait(); err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("the forwarder does not end")
		}
	}
}

// TestForwarderCountsWhatIsRefused: a packet that is too long for the other side
// is lost by its errno, one for which there is no room waits.
func TestForwarderCountsWhatIsRefused(t *testing.T) {
	in, from := pair(t)
	to, out := pair(t)
	for _, fd := range []int{from, to} {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.SetsockoptInt(to, unix.SOL_SOCKET, unix.SO_SNDBUF, 4096); err != nil {
		t.Fatal(err)
	}
	c := New(Config{Name: "relay", From: from, To: to, Wait: Poll, MaxRead: 65536})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	const packets = 50
	for range packets {
		if _, err := unix.Write(in, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := unix.Write(in, make([]byte, 60000)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	for i := range packets {
		time.Sleep(time.Millisecond) // so that there is no room meanwhile
		if n, err := unix.Read(out, buf); err != nil || n != 1000 {
			t.Fatalf("packet %d: %d bytes, %v", i, n, err)
		}
	}
	end(t, c)
	if c.In != packets+1 || c.Out != packets || c.ByName()["EMSGSIZE"] != 1 || c.Lost() != 1 {
		t.Errorf("%d in, %d out, refused %v", c.In, c.Out, c.ByName())
	}
}

// TestForwarderEndsWithoutRoom: one that is to finish gives up on a packet that
// nobody takes, and counts it.
func TestForwarderEndsWithoutRoom(t *testing.T) {
	in, from := pair(t)
	to, _ := pair(t)
	for _, fd := range []int{from, to} {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	for {
		if _, err := unix.Write(to, make([]byte, 1000)); errors.Is(err, unix.EAGAIN) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	c := New(Config{Name: "relay", From: from, To: to, Wait: Poll, MaxRead: 2048})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(in, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	end(t, c)
	if c.ByName()["EAGAIN"] != 1 || c.In != 1 || c.Out != 0 {
		t.Errorf("%d in, %d out, refused %v", c.In, c.Out, c.ByName())
	}
	if spent := time.Since(begin); spent > 3*time.Second {
		t.Errorf("ended after %v", spent)
	}
}

// TestHeldForwarderWaits: one that spins stops between two packets until it is
// released, and ends also if it never is.
func TestHeldForwarderWaits(t *testing.T) {
	in, from := pair(t)
	to, out := pair(t)
	for _, fd := range []int{from, out} {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	c := New(Config{Name: "relay", From: from, To: to, Wait: Spin, MaxRead: 64})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	c.Hold()
	time.Sleep(20 * time.Millisecond)
	before, err := c.Thread().CPUTime()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Write(in, []byte("held")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	after, err := c.Thread().CPUTime()
	if err != nil || after-before > int64(5*time.Millisecond) {
		t.Errorf("it used %d ns while it was held, %v", after-before, err)
	}
	buf := make([]byte, 64)
	if n, err := unix.Read(out, buf); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("a held forwarder gave %q, %v", buf[:max(n, 0)], err)
	}
	c.Release()
	c.Hold()
	end(t, c)
	if n, err := unix.Read(out, buf); err != nil || string(buf[:n]) != "held" {
		t.Errorf("after its release it gave %d bytes, %v", n, err)
	}
}

// The hot loop's step allocates nothing, with headers apart or not.
func TestForwarderAllocatesNothing(t *testing.T) {
	for _, headers := range []int{0, 14} {
		in, from := pair(t)
		to, out := pair(t)
		if err := unix.SetNonblock(from, true); err != nil {
			t.Fatal(err)
		}
		c := New(Config{Name: "relay", From: from, To: to, Wait: Poll, Headers: headers, MaxRead: 2048})
		data, buf := make([]byte, 1000), make([]byte, 2048)
		allocs := testing.AllocsPerRun(200, func() {
			if _, err := unix.Write(in, data); err != nil {
				t.Fatal(err)
			}
			if got, err := c.step(); !got || err != nil {
				t.Fatal(got, err)
			}
			if _, err := unix.Read(out, buf); err != nil {
				t.Fatal(err)
			}
			if got, err := c.step(); got || err != nil { // nothing is left
				t.Fatal(got, err)
			}
			c.publish()
			if err := c.poll(to, unix.POLLOUT); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("headers=%d: %v allocations a packet", headers, allocs)
		}
	}
}
