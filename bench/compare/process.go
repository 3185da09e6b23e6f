package compare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"tunbench/reports/record"
)

// worker is a process of a build. Calls to it are made one at a time.
type worker struct {
	build   *Build
	tool    record.Tool
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan answer // closed at the end of the process' output
	stderr  *tail
	ended   chan error
}

// greet reads the first line of a process.
func (w *worker) greet(line []byte) error {
	var h greeting
	if err := json.Unmarshal(line, &h); err != nil || h.Protocol != protocolName {
		said := strings.TrimSpace(string(line))
		if said == "" {
			said = w.stderr.String()
		}
		return w.build.incompatible(fmt.Sprintf("it said %q", clip(said, 200)))
	}
	switch {
	case h.Version != protocolVersion:
		return w.build.incompatible(fmt.Sprintf("it speaks protocol %d", h.Version))
	case h.Schema > record.Schema:
		return fmt.Errorf("%s writes records of schema %d, this tunbench reads up to %d: call the newer one, and name this one with --base-binary or --new-binary", w.build.Path, h.Schema, record.Schema)
	}
	w.tool = h.Tool
	return nil
}

// listen passes on the output of the process: its first line, then its answers.
func (w *worker) listen(out io.Reader, greeting chan<- []byte) {
	defer close(w.answers)
	// The longest line is that of a trial.
	r := bufio.NewReaderSize(out, 1<<16)
	line, err := r.ReadBytes('\n')
	if err != nil {
		// A program that is no tunbench has now printed its error, if it did.
		w.ended <- w.cmd.Wait()
	}
	greeting <- line
	if err != nil {
		return
	}
	dec := json.NewDecoder(r)
	for {
		var a answer
		if err := dec.Decode(&a); err != nil {
			w.ended <- w.cmd.Wait()
			return
		}
		w.answers <- a
	}
}

// workerError is a failure that a process reported, and that it classified.
type workerError struct {
	path           string
	reason, detail string
}

func (e *workerError) Error() string { return e.path + ": " + e.detail }

// call sends an order to the process and waits at most limit for the answer.
func (w *worker) call(ctx context.Context, o order, limit time.Duration) (answer, error) {
	line, err := json.Marshal(o)
	if err != nil {
		return answer{}, fmt.Errorf("ask build %s to %s: %w", w.build.Path, o.Do, err)
	}
	if _, err := w.in.Write(append(line, '\n')); err != nil {
		return answer{}, w.gone(o)
	}
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return answer{}, ctx.Err()
	case <-late.C:
		return answer{}, fmt.Errorf("ask build %s to %s: no answer in %v", w.build.Path, o.Do, limit)
	case a, ok := <-w.answers:
		switch {
		case !ok:
			return a, w.gone(o)
		case a.Fault != nil:
			return a, &workerError{w.build.Path, a.Fault.Reason, a.Fault.Detail}
		}
		return a, nil
	}
}

// gone is the error on a process that ended without being asked to.
func (w *worker) gone(o order) error {
	select {
	case err := <-w.ended:
		w.ended <- err
	case <-time.After(time.Second):
	}
	return fmt.Errorf("ask build %s to %s: the process ended: %s", w.build.Path, o.Do, clip(w.stderr.String(), 500))
}

// close ends the process. What it built goes with it.
func (w *worker) close() error {
	w.in.Close()
	go func() {
		for range w.answers { // whatever it still writes, so that it can end
		}
	}()
	select {
	case err := <-w.ended:
		w.ended <- err
		if err != nil {
			return fmt.Errorf("end build %s: %w: %s", w.build.Path, err, clip(w.stderr.String(), 500))
		}
		return nil
	case <-time.After(startLimit):
		w.kill()
		return fmt.Errorf("end build %s: it did not end in %v and was killed", w.build.Path, startLimit)
	}
}

// kill ends the process by force.
func (w *worker) kill() {
	w.in.Close()
	_ = w.cmd.Process.Kill() // fails if it has ended
	go func() {
		for range w.answers {
		}
	}()
	err := <-w.ended
	w.ended <- err
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 4096
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// clip puts the output of a program on one line of at most n characters.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// trial sends an order whose answer is a trial.
func (w *worker) trial(ctx context.Context, o order, limit time.Duration) (record.Trial, error) {
	a, err := w.call(ctx, o, limit)
	if err == nil && a.Trial == nil {
		err = fmt.Errorf("ask build %s to %s: its answer has no trial", w.build.Path, o.Do)
	}
	if err != nil {
		return record.Trial{}, err
	}
	return *a.Trial, nil
}
