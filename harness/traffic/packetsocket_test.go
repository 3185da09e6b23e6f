package traffic

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
	"tunbench/harness/socket"
)

// qdiscWorld is a kernel with an AF_PACKET socket whose packets a qdisc holds, and drops when it
// is full. At any moment some leave it.
type qdiscWorld struct {
	t     *testing.T
	rng   *rand.Rand
	room  int // of the send buffer
	limit int // of the qdisc, in packets

	held           []int // bytes of each packet
	used           int
	offset         int // of the stamp
	taken, dropped uint64
	refused        int
	hidden         [2]int // errors after a short count: ENOBUFS and EAGAIN
}

// leave lets a packet leave the qdisc, or most of them, or none.
func (w *qdiscWorld) leave() {
	n := 0
	switch {
	case w.rng.IntN(500) == 0:
		n = w.rng.IntN(len(w.held) + 1)
	case w.rng.IntN(3) == 0:
		n = 1
	}
	for range min(n, len(w.held)) {
		w.used -= w.held[0]
		w.held = w.held[1:]
	}
}

func (w *qdiscWorld) send(_ int, messages []socket.Message) (int, unix.Errno) {
	for i := range messages {
		w.leave()
		errno := w.one(&messages[i])
		w.leave()
		switch {
		case errno == 0:
		case i == 0:
			return 0, errno
		case errno == unix.ENOBUFS:
			w.hidden[0]++
			return i, 0
		default:
			w.hidden[1]++
			return i, 0
		}
	}
	return len(messages), 0
}

// one sends a packet, which must be the next one.
func (w *qdiscWorld) one(m *socket.Message) unix.Errno {
	if w.used >= w.room {
		w.refused++
		return unix.EAGAIN
	}
	var s packet.Stamp
	payload := unsafe.Slice(m.Header.Iov.Base, m.Header.Iov.Len)[w.offset:]
	if next := w.taken + w.dropped; !s.Parse(payload) || s.Seq != next {
		w.t.Fatalf("packet %d was sent, want %d", s.Seq, next)
	}
	if len(w.held) >= w.limit {
		w.dropped++
		return unix.ENOBUFS
	}
	size := most(m) - w.rng.IntN(most(m)/2)
	w.held, w.used, w.taken = append(w.held, size), w.used+size, w.taken+1
	return 0
}

func (w *qdiscWorld) queued(int) (int, unix.Errno) {
	n := w.used
	w.leave()
	return n, 0
}

// TestPacketSocketHidesErrors: whichever error sendmmsg keeps to itself, what the qdisc dropped
// counts as accepted, and what the send buffer had no room for as pushed back.
func TestPacketSocketHidesErrors(t *testing.T) {
	for name, test := range map[string]struct {
		room, limit   int
		held          bool
		drops, pushed bool // whether there are any
	}{
		"a short buffer":      {room: 212992, limit: 1000, held: true, pushed: true},
		"a short qdisc":       {room: 212992, limit: 40, held: true, drops: true},
		"both short":          {room: 212992, limit: 185, held: true, drops: true, pushed: true},
		"less than a batch":   {room: 20000, limit: 1000, held: true, pushed: true},
		"less than a message": {room: 1, limit: 1000, held: true, pushed: true},
		"nothing short":       {room: 1 << 30, limit: 1 << 30, held: true},
		"no qdisc":            {room: 1 << 30, limit: 3, drops: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(Config{Kind: Packet, Size: 64, Held: test.held, Flows: []int{0}, Src: src4, Dst: dst4})
			w := &qdiscWorld{t: t, rng: rand.New(rand.NewPCG(7, 1)), room: test.room, limit: test.limit, offset: s.batch.offset}
			s.fds, s.call = []int{-1}, packetSender{s, test.room, w.send, w.queued}.write
			var control Control
			for range 500 {
				if err := s.Step(&control); err != nil {
					t.Fatal(err)
				}
			}
			got := s.Progress()
			if want := uint64(500 * s.Batch()); got.Accepted != want || w.taken+w.dropped != want || s.Sent()[0] != want {
				t.Errorf("accepted %d and sent %d, want %d: the kernel took %d and dropped %d", got.Accepted, s.Sent()[0], want, w.taken, w.dropped)
			}
			if w.dropped > 0 != test.drops || w.refused > 0 != test.pushed {
				t.Errorf("dropped %d, refused %d", w.dropped, w.refused)
			}
			if got.PushedBack != uint64(w.refused) {
				t.Errorf("pushed back %d, the kernel refused %d", got.PushedBack, w.refused)
			}
			if w.hidden[0] == 0 != (!test.drops || test.room < 212992) || w.hidden[1] > 0 {
				t.Errorf("%d drops were hidden, and that the buffer was full %d times", w.hidden[0], w.hidden[1])
			}
		})
	}
}

// TestMostOfASendBuffer has sizes on both sides of a page.
func TestMostOfASendBuffer(t *testing.T) {
	page := unix.Getpagesize()
	for length, want := range map[int]int{64: 1024 + 512, 97: 2048 + 512, page - 928: page + 512, page - 927: page - 927 + 10*page + 512} {
		b := make([]byte, length)
		v := unix.Iovec{Base: &b[0]}
		v.SetLen(length)
		var m socket.Message
		m.Header.Iov = &v
		m.Header.SetIovlen(1)
		if got := most(&m); got != want {
			t.Errorf("%d bytes take at most %d, want %d", length, got, want)
		}
	}
}
