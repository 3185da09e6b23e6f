package history

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"tunbench/reports/disk"
	"tunbench/reports/series"
)

const (
	indexName   = ".index.jsonl"
	indexSchema = 2 // to be raised when the figures of a run are computed in another way
)

// indexed is a run in the index. It is valid as long as the run's file has that size
// and was last changed at that time, in nanoseconds since 1970.
type indexed struct {
	Size    int64 `json:"size"`
	Changed int64 `json:"changed"`
	series.StoredRun
}

// indexEnd is the last line of the index.
type indexEnd struct {
	Schema int    `json:"schema"`
	Runs   int    `json:"runs"`
	SHA256 string `json:"sha256"` // of the lines before
}

// readIndex returns the runs of the index by file. It returns none, and sound is
// false, if the index is missing, torn, changed or of another schema.
func readIndex(dir string) (known map[string]indexed, sound bool) {
	text, err := os.ReadFile(filepath.Join(dir, indexName))
	if err != nil {
		return nil, false
	}
	lines := bytes.TrimSuffix(text, []byte("\n"))
	at := bytes.LastIndexByte(lines, '\n') + 1
	var end indexEnd
	if json.Unmarshal(lines[at:], &end) != nil || end.Schema != indexSchema || end.SHA256 != sumOf(text[:at]) {
		return nil, false
	}
	known = map[string]indexed{}
	for dec := json.NewDecoder(bytes.NewReader(text[:at])); ; {
		var one indexed
		switch err := dec.Decode(&one); {
		case errors.Is(err, io.EOF):
			return known, len(known) == end.Runs
		case err != nil || one.Run == nil:
			return nil, false
		}
		known[one.File] = one
	}
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// writeIndex replaces the index in one step.
func writeIndex(dir string, runs []indexed) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	slices.SortFunc(runs, func(a, b indexed) int { return cmp.Compare(a.File, b.File) })
	for _, r := range runs {
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write the index: %w", err)
		}
	}
	if err := enc.Encode(indexEnd{indexSchema, len(runs), sumOf(b.Bytes())}); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	if err := disk.Replace(filepath.Join(dir, indexName), b.Bytes()); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	return nil
}
