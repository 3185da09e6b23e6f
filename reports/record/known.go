package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// CheckKnown refuses the run file at path, which may also be the run's folder,
// if it holds kinds or fields that this package does not know, which would be
// lost if what ReadFile gives were written again.
func CheckKnown(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, FileName)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read run file: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	var line []byte
	for n := 1; ; n++ {
		line, err = readLine(in, line[:0])
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read run file %s: line %d: %w", path, n, err)
		}
		if text := textOf(line, n); len(text) > 0 && json.Valid(text) {
			if err := known(text); err != nil {
				return fmt.Errorf("read run file %s: line %d: %w: use the tunbench that measured it", path, n, err)
			}
		}
		if last {
			return nil
		}
	}
}

// known decodes a line, of which nothing must be left over.
func known(line []byte) error {
	var head struct {
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	kinds := map[Kind]any{
		KindRun: new(Run), KindTrial: new(Trial), KindSearch: new(Search), KindVerdict: new(Verdict),
		KindSkip: new(Skip), KindResume: new(Resume), KindEnd: new(End),
	}
	into, ok := kinds[head.Kind]
	if !ok {
		return fmt.Errorf("kind %q is not known", head.Kind)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
