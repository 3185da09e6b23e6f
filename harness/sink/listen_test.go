package sink

import (
	"errors"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestListenLeavesNothing has the preparation of a socket fail, at each of several: none stays.
func TestListenLeavesNothing(t *testing.T) {
	open := func() int {
		t.Helper()
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	at, refused := netip.MustParseAddrPort("127.0.0.1:0"), errors.New("no such option")
	listen := func(fails int) ([]int, error) {
		calls := 0
		return ListenBehind(at, 3, 1<<16, false, 0, func(int) error {
			if calls++; calls == fails {
				return refused
			}
			return nil
		})
	}
	before := open()
	for fails := 1; fails <= 3; fails++ {
		fds, err := listen(fails)
		if !errors.Is(err, refused) || len(fds) > 0 {
			t.Errorf("socket %d is refused: %v, %v", fails, fds, err)
		}
		if n := open() - before; n != 0 {
			t.Errorf("socket %d is refused: %d descriptors stay", fails, n)
		}
	}
	fds, err := listen(0)
	if n := open() - before; err != nil || len(fds) != 3 || n != 3 {
		t.Errorf("no socket is refused: %v, %v, %d descriptors", fds, err, n)
	}
	for _, fd := range fds {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	}
}
