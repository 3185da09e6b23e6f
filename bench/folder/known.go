package folder

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tunbench/reports/record"
)

// CheckKnown refuses the run file at path, which may also be the run's folder, if it
// holds kinds or fields that package record does not know: they would be lost if the
// result of record.ReadFile were written again.
func CheckKnown(path string) error {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, record.FileName)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read run file: %w", err)
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return fmt.Errorf("read run file %s: line %d: %w", path, n, err)
		}
		// A byte order mark, which some editors put at the beginning, is no field.
		if line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff"))); json.Valid(line) {
			if err := known(line); err != nil {
				return fmt.Errorf("read run file %s: line %d: %w: use the tunbench that measured it", path, n, err)
			}
		}
		if last {
			return nil
		}
	}
}

// known refuses a line with a kind or a field that package record does not know.
func known(line []byte) error {
	var head struct {
		Kind record.Kind `json:"kind"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	kinds := map[record.Kind]any{
		record.KindRun: new(record.Run), record.KindTrial: new(record.Trial), record.KindSearch: new(record.Search), record.KindProfile: new(record.Profile),
		record.KindVerdict: new(record.Verdict), record.KindSkip: new(record.Skip), record.KindResume: new(record.Resume), record.KindEnd: new(record.End),
	}
	into, ok := kinds[head.Kind]
	if !ok {
		return fmt.Errorf("kind %q is not known", head.Kind)
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
