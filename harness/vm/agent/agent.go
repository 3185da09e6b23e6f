package agent

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"tunbench/harness/vm/guest"
)

// Main runs the agent, and does not return, in the process that a guest's Init has
// started for it. In any other process it does nothing.
func Main() {
	if len(os.Args) != 2 || os.Args[1] != Command || os.Getppid() != 1 {
		return
	}
	text, err := os.ReadFile(ConfigPath)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = serve(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve answers what the host asks until the host asks no more.
func serve(text []byte) error {
	var c Config
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("read %s: %w", ConfigPath, err)
	}
	// Workers hold a processor of the scheduler each, and make raw system calls, which the
	// garbage collector would wait for.
	const spare = 4
	runtime.GOMAXPROCS(c.Receive + c.Send + spare)
	debug.SetGCPercent(-1)
	input, err := guest.Input()
	if err != nil {
		return err
	}
	defer input.Close()
	out, err := newAnswers()
	if err != nil {
		return err
	}
	defer out.close()
	w, err := open(c)
	if err != nil {
		return err
	}
	if err := out.say(w.sample(0)); err != nil {
		return err
	}
	asked := bufio.NewScanner(input)
	for asked.Scan() {
		var (
			id   int
			word string
		)
		if _, err := fmt.Sscan(asked.Text(), &id, &word); err != nil {
			return fmt.Errorf("the host asked %q: want a number and a word", asked.Text())
		}
		a, err := w.do(id, word)
		if err != nil {
			a.ID, a.Error = id, err.Error()
		}
		if err := out.say(a); err != nil {
			return err
		}
		if word == Finish {
			return err
		}
	}
	return asked.Err()
}

// answers is the file by which the agent answers.
type answers struct {
	file *os.File
	grow *guest.Growing
}

func newAnswers() (*answers, error) {
	path := filepath.Join(guest.OutDir, AnswerFile)
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("make the file of the answers: %w", err)
	}
	grow, err := guest.Grow(path)
	if err == nil && grow == nil {
		err = errors.New("hand out the answers: the guest's Init has named no port for them")
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &answers{file, grow}, nil
}

func (a *answers) say(answer Answer) error {
	if err := json.NewEncoder(a.file).Encode(answer); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	return a.grow.Send()
}

func (a *answers) close() {
	a.file.Close()
	a.grow.Close()
}
