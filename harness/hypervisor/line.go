package hypervisor

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/vm"
	"tunbench/harness/vm/peer"
)

// answersWithin is how long a guest may take to answer, and how much CPU time, because it may
// get little of it on a busy host. An emulated one with nothing else to do takes some
// milliseconds.
const answersWithin = time.Minute

// line is a connection to the peer in the guest: its virtio-serial port.
type line struct {
	conn    *os.File
	answers chan peer.Answer
	torn    chan error // has room for the one error that ends the reader
	ended   <-chan struct{}
	ctx     context.Context // when it is done, no answer is waited for any more
	used    func() int64    // CPU time of the guest in ns; -1 if it does not run

	asking sync.Mutex // guards id: one question at a time
	id     int
}

// newLine returns the host's end of a connection, and that of QEMU. ended is closed when the
// guest has ended; used is the CPU time of the guest in ns, -1 if it does not run.
func newLine(ctx context.Context, ended <-chan struct{}, used func() int64) (l *line, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a connection to the guest: %w", err)
	}
	l = &line{conn: os.NewFile(uintptr(fds[0]), "guest"), answers: make(chan peer.Answer, 1), torn: make(chan error, 1), ended: ended, ctx: ctx, used: used}
	go l.read()
	return l, os.NewFile(uintptr(fds[1]), "guest's end"), nil
}

// read takes answers until the other end is closed.
func (l *line) read() {
	lines := bufio.NewScanner(l.conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var a peer.Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			l.torn <- fmt.Errorf("the guest answered %q: %w", lines.Bytes(), err)
			return
		}
		select {
		case l.answers <- a:
		case <-l.ended:
			return
		}
	}
}

// ask sends a word and waits for its answer.
func (l *line) ask(word string) (peer.Answer, error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	l.id++
	if _, err := fmt.Fprintf(l.conn, "%d %s\n", l.id, word); err != nil {
		return peer.Answer{}, fmt.Errorf("ask the guest to %s: %w", word, err)
	}
	return l.await(l.id, word, answersWithin)
}

// await waits for an answer. One that comes too late for what was asked before is skipped. A
// guest that the host gives no time to may take longer than patience.
func (l *line) await(id int, word string, patience time.Duration) (peer.Answer, error) {
	begin, before := time.Now(), l.used()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case a := <-l.answers:
			if a.ID < id {
				continue
			}
			if a.Error != "" {
				return a, fmt.Errorf("in the guest, %s: %s", word, a.Error)
			}
			return a, nil
		case err := <-l.torn:
			return peer.Answer{}, err
		case <-l.ended:
			return peer.Answer{}, fmt.Errorf("wait for the guest's answer to %s: the guest has ended", word)
		case <-l.ctx.Done():
			return peer.Answer{}, l.ctx.Err()
		case <-late.C:
			used, since := time.Duration(max(0, l.used()-max(0, before))), time.Since(begin)
			if longer := vm.UntilSilent(used, patience, since); longer > 0 {
				late.Reset(longer)
				continue
			}
			remedy := ""
			if used >= patience { // spent on packets, for all that is known
				remedy = ": send fewer packets, such as with load=1000pps, or repeat it on a host with less to do"
			}
			return peer.Answer{}, fmt.Errorf("the guest has not answered %s within %v, in which it used %v of CPU time%s", word, since.Round(time.Millisecond), used.Round(time.Millisecond), remedy)
		}
	}
}
