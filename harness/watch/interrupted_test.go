package watch

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// TestInterrupted holds that a read which a signal ended is named so.
func TestInterrupted(t *testing.T) {
	ns, d := newDevice(t, tuntap.Config{Name: "interrupted0"})
	if bpf.Try(bpf.Fentry, bpf.Both) != nil {
		t.Skip("this kernel has no fexit")
	}
	s := open(t, Options{Device: "interrupted0", Returns: true})
	if err := d.Queues()[0].SetNonblock(false); err != nil {
		t.Fatal(err)
	}
	reader, came := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread() // not unlocked: the thread ends with it
		reader <- unix.Gettid()
		_, err := unix.Read(d.Queues()[0].FD(), make([]byte, 2000))
		came <- err
	}()
	tid := <-reader
	const signals = 3
	for range signals {
		await(t, "it sleeps in read", func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", tid))
			fields := strings.Fields(string(b[slices.Index(b, ')')+1:]))
			return err == nil && fields[0] == "S"
		})
		if err := unix.Tgkill(os.Getpid(), tid, unix.SIGURG); err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	send(t, ns, 1, 1)
	if err := <-came; err != nil {
		t.Fatal(err)
	}
	if w := next(t, s); w.Errors == nil || len(w.Errors.Read) != 1 || w.Errors.Read["interrupted"] != signals || len(w.Errors.Write) > 0 {
		t.Errorf("errors %+v, want %d interrupted reads", w.Errors, signals)
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 5 s it does not hold that %s", what)
		}
	}
}
