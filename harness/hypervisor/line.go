package hypervisor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"tunbench/harness/vm/agent"
)

// answersWithin is how long a guest may take to answer. An emulated one with nothing else to
// do takes some milliseconds.
const answersWithin = 20 * time.Second

// line is what is asked of a guest, by its console, and what it answers, in a file of its
// that grows. It is the vm.Keeper of the guest.
type line struct {
	to      *os.File
	answers chan agent.Answer
	ended   <-chan struct{} // closed when the guest has ended

	asking sync.Mutex // guards id: one question at a time
	id     int

	partial []byte // of the last line, whose end has not come
}

func newLine(to *os.File, ended <-chan struct{}) *line {
	return &line{to: to, answers: make(chan agent.Answer, 16), ended: ended}
}

// Begin forgets what came from a boot before.
func (l *line) Begin() error {
	l.partial = nil
	return nil
}

// Console takes nothing: errors quote the console.
func (l *line) Console(string) error { return nil }

// Grow takes the next bytes of the answers.
func (l *line) Grow(name string, _ int64, b []byte) error {
	if name != agent.AnswerFile {
		return nil
	}
	l.partial = append(l.partial, b...)
	for {
		text, rest, whole := bytes.Cut(l.partial, []byte("\n"))
		if !whole {
			return nil
		}
		l.partial = rest
		var a agent.Answer
		if err := json.Unmarshal(text, &a); err != nil {
			return fmt.Errorf("the guest answered %q: %w", text, err)
		}
		select {
		case l.answers <- a:
		case <-l.ended:
			return nil
		}
	}
}

// ask sends a word and waits for its answer.
func (l *line) ask(word string) (agent.Answer, error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	l.id++
	if _, err := fmt.Fprintf(l.to, "%d %s\n", l.id, word); err != nil {
		return agent.Answer{}, fmt.Errorf("ask the guest to %s: %w", word, err)
	}
	return l.await(l.id, word, answersWithin)
}

// await waits for an answer. One that comes too late for what was asked before is skipped.
func (l *line) await(id int, word string, within time.Duration) (agent.Answer, error) {
	late := time.NewTimer(within)
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
		case <-l.ended:
			return agent.Answer{}, fmt.Errorf("wait for the guest's answer to %s: %w", word, os.ErrClosed)
		case <-late.C:
			return agent.Answer{}, fmt.Errorf("the guest has not answered %s within %v", word, within)
		}
	}
}
