package guest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// While a command runs, it hands out the growth of a file below OutDir as chunks over
// the second serial port, before the frame of the results:
//
//	TUNBENCH-CHUNK {"file":"run.jsonl","offset":0,"length":120,"packed":90,"sum":1234}
//	90 bytes, a raw deflate stream of the 120, whose CRC-32 (IEEE) is sum
//
// So finished records are on the host, even if the guest ends early.
const chunkBegin = "TUNBENCH-CHUNK "

// chunkLimit bounds a chunk, in bytes unpacked.
const chunkLimit = 64 << 20

// chunk is the header of a chunk.
type chunk struct {
	File   string `json:"file"` // relative to OutDir
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Packed int64  `json:"packed"`
	Sum    uint32 `json:"sum"`
}

// resultsEnv is the environment variable that names the port of the results to a
// command.
const resultsEnv = "TUNBENCH_RESULTS"

// Growing is a file of a guest that is handed out as it grows.
type Growing struct {
	path string
	name string // relative to OutDir
	sent int64
	port *os.File
}

// Grow prepares to hand out the file at path. It returns nil if this process is not a
// command in a guest, or path is not below OutDir.
func Grow(path string) (*Growing, error) {
	device := os.Getenv(resultsEnv)
	name, err := filepath.Rel(OutDir, path)
	if device == "" || err != nil || !filepath.IsLocal(name) {
		return nil, nil
	}
	port, err := openPort(device)
	if err != nil {
		return nil, err
	}
	return &Growing{path: path, name: name, port: port}, nil
}

// Send hands out what was appended to the file since the last call. It returns when
// the last byte has left the guest, so that the transfer does not disturb the next
// trial.
func (g *Growing) Send() error {
	if err := g.send(g.port); err != nil {
		return err
	}
	return drain(g.port)
}

func (g *Growing) send(w io.Writer) error {
	f, err := os.Open(g.path)
	if err != nil {
		return fmt.Errorf("hand out %s: %w", g.path, err)
	}
	defer f.Close()
	if _, err := f.Seek(g.sent, io.SeekStart); err != nil {
		return fmt.Errorf("hand out %s: %w", g.path, err)
	}
	fresh, err := io.ReadAll(f)
	if err != nil {
		return fmt.Errorf("hand out %s: %w", g.path, err)
	}
	for len(fresh) > 0 {
		part := fresh[:min(len(fresh), chunkLimit)]
		if err := WriteChunk(w, g.name, g.sent, part); err != nil {
			return fmt.Errorf("hand out %s: %w", g.path, err)
		}
		g.sent += int64(len(part))
		fresh = fresh[len(part):]
	}
	return nil
}

// Close closes the port.
func (g *Growing) Close() error { return g.port.Close() }

// WriteChunk writes b, which begins at offset in the file name.
func WriteChunk(w io.Writer, name string, offset int64, b []byte) error {
	var packed bytes.Buffer
	zip, err := flate.NewWriter(&packed, flate.DefaultCompression)
	if err != nil {
		return err
	}
	if _, err := zip.Write(b); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	header, err := json.Marshal(chunk{File: name, Offset: offset, Length: int64(len(b)), Packed: int64(packed.Len()), Sum: crc32.ChecksumIEEE(b)})
	if err != nil {
		return err
	}
	// It first ends the line that the firmware or a torn chunk may have begun.
	_, err = fmt.Fprintf(w, "\n%s%s\n%s\n", chunkBegin, header, packed.Bytes())
	return err
}

// ReadStream reads the second serial port until the frame of the results, which it
// returns with all that follows. It calls grow with each chunk that arrived whole. For
// a chunk that did not it calls torn, and continues.
func ReadStream(r io.Reader, grow func(name string, offset int64, b []byte), torn func(error)) []byte {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := in.ReadSlice('\n')
		text := string(line)
		switch at := strings.Index(text, frameBegin); {
		case at >= 0:
			rest, _ := io.ReadAll(io.LimitReader(in, resultLimit))
			return append([]byte(text[at:]), rest...)
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil
		}
		_, header, ok := strings.Cut(text, chunkBegin)
		if !ok {
			continue
		}
		name, offset, b, err := readChunk(in, header)
		if err != nil {
			torn(err)
			continue
		}
		grow(name, offset, b)
	}
}

// readChunk reads the chunk that follows its header.
func readChunk(in io.Reader, header string) (name string, offset int64, b []byte, err error) {
	var c chunk
	if err := json.Unmarshal([]byte(header), &c); err != nil {
		return "", 0, nil, fmt.Errorf("%w: header of a chunk: %w", errTorn, err)
	}
	switch {
	case !filepath.IsLocal(c.File):
		return "", 0, nil, fmt.Errorf("read the guest's results: file %q leads out of its folder", c.File)
	case c.Offset < 0 || c.Offset > resultLimit || c.Length < 1 || c.Length > chunkLimit || c.Packed < 1 || c.Packed > 2*chunkLimit:
		return "", 0, nil, fmt.Errorf("%w: a chunk of %d bytes at %d of %s, packed in %d", errTorn, c.Length, c.Offset, c.File, c.Packed)
	}
	packed, err := io.ReadAll(io.LimitReader(in, c.Packed))
	if err != nil || int64(len(packed)) < c.Packed {
		return "", 0, nil, fmt.Errorf("%w: %s at %d: %d of %d bytes", errTorn, c.File, c.Offset, len(packed), c.Packed)
	}
	b, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), c.Length+1))
	if err == nil && (int64(len(b)) != c.Length || crc32.ChecksumIEEE(b) != c.Sum) {
		err = errors.New("its checksum is another")
	}
	if err != nil {
		return "", 0, nil, fmt.Errorf("%w: %s at %d: %w", errTorn, c.File, c.Offset, err)
	}
	return c.File, c.Offset, b, nil
}
