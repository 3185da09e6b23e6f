package block

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
)

var garbage []byte

// TestPanicInBlock: a panic while a reader waits for packets ends the process, with its message.
func TestPanicInBlock(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("needs root, to make devices")
	}
	const child = "TUNBENCH_TEST_PANIC"
	if os.Getenv(child) != "" {
		s := spec.Default()
		s.Warmup, s.Measure, s.Window = 30*time.Millisecond, 240*time.Millisecond, 20*time.Millisecond
		b := Block{Variants: []trial.Variant{{Spec: s, Hook: string(bpf.None)}}}
		b.Tell = func(int, int) {
			var pipe [2]int
			if err := unix.Pipe(pipe[:]); err != nil {
				t.Fatal(err)
			}
			go func() { // as a reader of a device, within a window
				var b byte
				syscall.RawSyscall(unix.SYS_READ, uintptr(pipe[0]), uintptr(unsafe.Pointer(&b)), 1)
			}()
			time.Sleep(50 * time.Millisecond)
			garbage = make([]byte, 64<<20) // a collection is due as soon as it is allowed
			panic(fmt.Errorf("planted"))
		}
		b.Run(t.Context())
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestPanicInBlock$")
	cmd.Env = append(os.Environ(), child+"=1")
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil || err == nil || !bytes.Contains(out, []byte("planted")) {
		t.Errorf("a panic in a block: %v, %v; want that it ends the process:\n%s", err, ctx.Err(), out)
	}
}
