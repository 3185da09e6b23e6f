package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Writer writes records, one line each. It must not be used by two goroutines
// at once.
type Writer struct {
	w      io.Writer
	file   file  // nil unless Create opened a regular file
	end    int64 // length in bytes of the whole lines in file
	broken error // why nothing more can be appended; nil while it can
	closer io.Closer
}

// Write appends r as one line and, in a file made by Create, syncs it. A
// record that Read would refuse for one of its numbers (NaN, an infinity, a
// negative count) is refused with the name of the field.
// If Write fails, the file is truncated to the last whole record, so that a later
// Write may succeed, such as when there is room again.
func (w *Writer) Write(r Record) error {
	if w.broken != nil {
		return fmt.Errorf("write %s: %w", r, w.broken)
	}
	if err := r.check(); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.seal()); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	if line.Len() > MaxLine {
		return fmt.Errorf("write %s: its line of %d bytes is above the limit of %d", r, line.Len(), MaxLine)
	}
	if err := w.append(line.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", r, err)
	}
	return nil
}

// append writes line in one call and, to a file, all of it or nothing.
func (w *Writer) append(line []byte) error {
	if w.file == nil {
		n, err := w.w.Write(line)
		if err == nil && n < len(line) {
			err = io.ErrShortWrite
		}
		if err != nil && n > 0 {
			// A stream cannot be truncated: another record would follow half a line.
			w.broken = fmt.Errorf("the stream ends in a torn line: %w", err)
		}
		return err
	}
	// Do not overwrite what another process appended: the lock of Hold does not exist
	// on every file system, and does not stop a program that does not ask for it.
	if st, err := w.file.Stat(); err == nil && st.Size() != w.end {
		w.broken = fmt.Errorf("another process writes the file: it has %d bytes, and %d were written here; the rest of this run is not recorded", st.Size(), w.end)
		return w.broken
	}
	n, err := w.file.WriteAt(line, w.end)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		w.end += int64(len(line))
		return nil
	}
	if terr := w.file.Truncate(w.end); terr != nil {
		w.broken = fmt.Errorf("the file ends in a torn line that cannot be cut off: %w", terr)
		return errors.Join(err, w.broken)
	}
	return err
}

// Close closes the file that Create or Append opened. It does not close what NewWriter
// was given.
func (w *Writer) Close() error {
	if w.closer == nil {
		return nil
	}
	if err := w.closer.Close(); err != nil {
		return fmt.Errorf("close run file: %w", err)
	}
	return nil
}

// file is what a Writer needs of an *os.File.
type file interface {
	io.WriterAt
	Stat() (fs.FileInfo, error)
	Sync() error
	Truncate(size int64) error
}

// NewWriter writes to w and syncs nothing.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Create creates or truncates the file at path. Each record is synced to the disk
// before Write returns, except in a file that is not regular, such as a pipe.
func Create(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, fmt.Errorf("create run file: %w", err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("create run file: %w", err)
	}
	w := &Writer{w: f, closer: f}
	if !st.Mode().IsRegular() {
		return w, nil
	}
	w.file = f
	// The name of the file must survive a crash, too.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync() // some file systems cannot sync a folder
		dir.Close()
	}
	return w, nil
}

// Append opens the file of an interrupted run, to write after its last whole line. It
// removes a torn last line.
func Append(path string) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open run file: %w", err)
	}
	end, open, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil && open {
		_, err = f.WriteAt([]byte{'\n'}, end)
		end++
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open run file %s: %w", path, err)
	}
	return &Writer{w: f, closer: f, file: f, end: end}, nil
}

// wholeLines returns the length in bytes of what Read would read of f: the lines that
// are JSON. open reports that the last of these lacks its newline. A line that is not
// JSON is an error unless it is the last: what is behind it must not be removed.
func wholeLines(f io.Reader) (end int64, open bool, err error) {
	in := bufio.NewReaderSize(f, 1<<16)
	var line []byte
	for n := 1; ; n++ {
		line, err = readLine(in, line[:0])
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return 0, false, err
		}
		text := textOf(line, n)
		switch {
		case len(text) > 0 && !json.Valid(text):
			if _, err := in.Peek(1); !last && err == nil {
				return 0, false, fmt.Errorf("line %d: not a JSON object", n)
			}
			return end, false, nil
		case last && len(text) == 0:
			return end, false, nil
		case last:
			return end + int64(len(line)), true, nil
		}
		end += int64(len(line)) + 1
	}
}
