package wireguard

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
)

// fakeTUN refuses what it is told to.
type fakeTUN struct {
	tun.Device
	err error
}

func (f fakeTUN) Write([][]byte, int) (int, error) { return 0, f.err }

func TestRefused(t *testing.T) {
	wrapped := func(e unix.Errno) error { return &os.PathError{Op: "write", Path: "/dev/net/tun", Err: e} }
	for name, test := range map[string]struct {
		err     error
		written uint64
		refused map[string]uint64
	}{
		"none":   {nil, 4, map[string]uint64{}},
		"one":    {wrapped(unix.EINVAL), 3, map[string]uint64{"EINVAL": 1}},
		"joined": {errors.Join(errors.Join(nil, wrapped(unix.EIO)), wrapped(unix.EIO), wrapped(unix.ENOMEM)), 1, map[string]uint64{"EIO": 2, "ENOMEM": 1}},
		"gone":   {os.ErrClosed, 0, map[string]uint64{"EBADFD": 4}},
	} {
		c := countedTUN{Device: fakeTUN{err: test.err}, refused: map[string]uint64{}}
		if _, err := c.Write(make([][]byte, 4), 0); err != test.err {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.refused, c.refused); diff != "" || c.written.Load() != test.written || c.writing.Load() != 0 {
			t.Errorf("%s: %d written\n%s", name, c.written.Load(), diff)
		}
	}
}

// fakeBind takes or refuses datagrams, and gives the ones that it has.
type fakeBind struct {
	conn.Bind
	err error
}

func (f fakeBind) Send([][]byte, conn.Endpoint) error { return f.err }

func (f fakeBind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	receive := func(bufs [][]byte, sizes []int, _ []conn.Endpoint) (int, error) {
		for i, n := range []int{96, 148, 32, 0, 33} {
			bufs[i][0], sizes[i] = 4, n
		}
		bufs[1][0] = 1
		return 5, nil
	}
	return []conn.ReceiveFunc{receive}, 1, nil
}

func TestDataIsCounted(t *testing.T) {
	handshake, keepalive, data := make([]byte, 148), make([]byte, 32), make([]byte, 96)
	handshake[0], keepalive[0], data[0] = 1, 4, 4
	all := [][]byte{handshake, keepalive, data, data}
	for name, test := range map[string]struct {
		err  error
		sent uint64
	}{
		"taken":            {nil, 2},
		"refused":          {fmt.Errorf("send: %w", unix.ENETUNREACH), 0},
		"sent without GSO": {conn.ErrUDPGSODisabled{}, 2},
		"refused, too":     {conn.ErrUDPGSODisabled{RetryErr: unix.EIO}, 0},
	} {
		b := countedBind{Bind: fakeBind{err: test.err}}
		if err := b.Send(all, nil); !errors.Is(err, test.err) || b.sent.Load() != test.sent {
			t.Errorf("%s: %v, %d sent, want %d", name, err, b.sent.Load(), test.sent)
		}
	}
	b := countedBind{Bind: fakeBind{}}
	fns, _, err := b.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	bufs := make([][]byte, 5)
	for i := range bufs {
		bufs[i] = make([]byte, 200)
	}
	if n, err := fns[0](bufs, make([]int, 5), nil); n != 5 || err != nil || b.received.Load() != 2 {
		t.Errorf("%d came, %d of them data: %v", n, b.received.Load(), err)
	}
}

// A descriptor that is no TUN device is closed.
func TestStartRefuses(t *testing.T) {
	fd, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Start(Config{FD: fd}); err == nil {
		t.Fatal("/dev/null is a TUN device")
	}
}
