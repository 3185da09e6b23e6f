package guest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Results are what a guest hands out when its commands are done.
type Results struct {
	Commands []CommandResult
	Files    map[string][]byte // below OutDir, by path relative to it
}

// CommandResult is the result of one command of a Job.
type CommandResult struct {
	Args     []string      `json:"args"`
	Exit     int           `json:"exit"`            // the exit code; 128 + the signal that killed it
	Error    string        `json:"error,omitempty"` // what went wrong outside of the command: it was killed, its output was lost
	Duration time.Duration `json:"duration_ns"`     // by the guest's clock
	Stdout   []byte        `json:"-"`
	Stderr   []byte        `json:"-"`
}

// The frame around the results on the second serial port. Between its lines is
// a gzip stream, whose checksum proves that it arrived whole.
const (
	frameBegin = "TUNBENCH-RESULT-BEGIN\n"
	frameEnd   = "\nTUNBENCH-RESULT-END\n"
)

// Names in the tar archive inside of the frame.
const (
	tarCommands = "commands.json"
	tarStdout   = "stdout/" // + index of the command
	tarStderr   = "stderr/"
	tarOut      = "out/" // + path below OutDir
)

// resultLimit bounds what a guest can hand out, in bytes unpacked.
const resultLimit = 1 << 30

// errTorn reports results that did not arrive whole.
var errTorn = errors.New("the guest's results arrived torn")

// ParseFrame parses the frame in what came over the second serial port.
func ParseFrame(b []byte) (*Results, error) {
	start := bytes.Index(b, []byte(frameBegin))
	if start < 0 {
		return nil, fmt.Errorf("%w: no begin in %d bytes", errTorn, len(b))
	}
	frame := bytes.NewReader(b[start+len(frameBegin):])
	torn := func(err error) (*Results, error) {
		return nil, fmt.Errorf("%w after %d bytes: %w", errTorn, len(b), err)
	}
	zip, err := gzip.NewReader(frame)
	if err != nil {
		return torn(err)
	}
	// The end line that follows the stream is not another gzip stream.
	zip.Multistream(false)
	r := &Results{Files: map[string][]byte{}}
	streams := map[string][]byte{}
	archive := tar.NewReader(io.LimitReader(zip, resultLimit))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return torn(err)
		}
		contents, err := io.ReadAll(archive)
		if err != nil {
			return torn(err)
		}
		rel, isOut := strings.CutPrefix(h.Name, tarOut)
		switch {
		case h.Name == tarCommands:
			if err := json.Unmarshal(contents, &r.Commands); err != nil {
				return nil, fmt.Errorf("read the guest's results: %w", err)
			}
		case isOut && filepath.IsLocal(rel):
			r.Files[rel] = contents
		case isOut:
			return nil, fmt.Errorf("read the guest's results: file %q leads out of its folder", rel)
		default:
			streams[h.Name] = contents
		}
	}
	// The checksum is at the end of the stream.
	if _, err := io.Copy(io.Discard, zip); err != nil {
		return torn(err)
	}
	rest, err := io.ReadAll(frame)
	if err != nil {
		return torn(err)
	}
	if !bytes.HasPrefix(rest, []byte(frameEnd)) {
		return torn(io.ErrUnexpectedEOF)
	}
	for i := range r.Commands {
		r.Commands[i].Stdout = streams[fmt.Sprint(tarStdout, i)]
		r.Commands[i].Stderr = streams[fmt.Sprint(tarStderr, i)]
	}
	return r, nil
}

// Streams are the paths of the files that hold what a command printed.
type Streams struct{ Stdout, Stderr string }

// WriteFrame writes the results of commands, each with what it printed, and all
// files below out.
func WriteFrame(w io.Writer, commands []CommandResult, streams []Streams, out string) error {
	if _, err := io.WriteString(w, frameBegin); err != nil {
		return err
	}
	zip := gzip.NewWriter(w)
	archive := tar.NewWriter(zip)
	text, err := json.Marshal(commands)
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: tarCommands, Mode: 0o644, Size: int64(len(text))}); err != nil {
		return err
	}
	if _, err := archive.Write(text); err != nil {
		return err
	}
	for i, s := range streams {
		if err := addFile(archive, fmt.Sprint(tarStdout, i), s.Stdout); err != nil {
			return err
		}
		if err := addFile(archive, fmt.Sprint(tarStderr, i), s.Stderr); err != nil {
			return err
		}
	}
	err = filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		return addFile(archive, tarOut+rel, path)
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w, frameEnd)
	return err
}

func addFile(archive *tar.Writer, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: st.Size()}); err != nil {
		return err
	}
	// Not all of it: a process that a command left behind may still write to it.
	_, err = io.CopyN(archive, f, st.Size())
	return err
}
