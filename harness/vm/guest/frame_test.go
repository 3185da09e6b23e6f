package guest

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frame makes the results of two commands.
func frame(t testing.TB) (framed []byte, want *Results) {
	t.Helper()
	dir := t.TempDir()
	var streams []Streams
	commands := []CommandResult{{Args: []string{"version"}, Duration: 5}, {Args: []string{"run"}, Exit: 2, Error: "killed by SIGKILL"}}
	want = &Results{Commands: commands, Files: map[string][]byte{
		"run.jsonl": []byte("{}\n"),
		"sub/chart": []byte(strings.Repeat("\x00\r\n\xff", 1000)),
		"empty":     {},
	}}
	for i := range commands {
		paths := Streams{Stdout: filepath.Join(dir, fmt.Sprint("stdout", i)), Stderr: filepath.Join(dir, fmt.Sprint("stderr", i))}
		write(t, paths.Stdout, []byte(fmt.Sprint("text of ", tarStdout, i)))
		write(t, paths.Stderr, []byte(fmt.Sprint("text of ", tarStderr, i)))
		streams = append(streams, paths)
	}
	for name, contents := range want.Files {
		write(t, filepath.Join(dir, "out", name), contents)
	}
	var b bytes.Buffer
	if err := WriteFrame(&b, commands, streams, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for i := range want.Commands {
		want.Commands[i].Stdout = []byte(fmt.Sprint("text of ", tarStdout, i))
		want.Commands[i].Stderr = []byte(fmt.Sprint("text of ", tarStderr, i))
	}
	return b.Bytes(), want
}

func TestFrame(t *testing.T) {
	framed, want := frame(t)
	// The firmware may write to the port before.
	for _, before := range []string{"", "SeaBIOS\r\n"} {
		got, err := ParseFrame(append([]byte(before), framed...))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

func TestTornFrame(t *testing.T) {
	framed, want := frame(t)
	for n := range framed {
		if _, err := ParseFrame(framed[:n]); !errors.Is(err, errTorn) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(framed), err)
		}
	}
	// A byte that was lost or changed on the way is noticed, or it was one of
	// the few that do not matter, such as the padding of the last block.
	for n := len(frameBegin) + 10; n < len(framed)-1; n++ {
		changed := bytes.Clone(framed)
		changed[n] ^= 0x10
		lost := append(bytes.Clone(framed[:n]), framed[n+1:]...)
		for what, b := range map[string][]byte{"changed": changed, "lost": lost} {
			if got, err := ParseFrame(b); err == nil && !cmp.Equal(got, want) {
				t.Fatalf("byte %d %s: other results and no error", n, what)
			}
		}
	}
}

// FuzzParseFrame fuzzes what is inside of a frame: a gzip stream that was changed
// is noticed by its checksum, before anything is read.
func FuzzParseFrame(f *testing.F) {
	f.Add(tarOut+"a/b", []byte("x"), []byte(`[{"args":["look"],"exit":7}]`), []byte{}, 0)
	f.Add(tarOut+"../b", []byte{}, []byte(`[{}]`), []byte("garbage"), 700)
	f.Add(tarStdout+"0", []byte("text"), []byte("null"), []byte(frameBegin), 3)
	f.Fuzz(func(t *testing.T, name string, contents, commands, rest []byte, cut int) {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, file := range []struct {
			name     string
			contents []byte
		}{{name, contents}, {tarCommands, commands}} {
			if w.WriteHeader(&tar.Header{Name: file.name, Mode: 0o600, Size: int64(len(file.contents))}) != nil {
				return // a name that no tar can hold
			}
			if _, err := w.Write(file.contents); err != nil {
				return // a name that ends in a slash is a folder's, which has no contents
			}
		}
		w.Flush()
		b := slices.Concat([]byte(frameBegin), stored(append(archive.Bytes(), rest...)), []byte(frameEnd))
		r, err := ParseFrame(b)
		if err == nil {
			for name := range r.Files {
				if !filepath.IsLocal(name) {
					t.Errorf("file %q", name)
				}
			}
		}
		if cut > 0 && cut < len(b) {
			if _, err := ParseFrame(b[:len(b)-cut]); err == nil {
				t.Errorf("without its last %d bytes it is whole", cut)
			}
		}
	})
}

// stored is a gzip stream of b without compression (RFC 1952; RFC 1951, 3.2.4),
// which takes no time to make.
func stored(b []byte) []byte {
	out := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}
	for rest := b; ; {
		n := min(len(rest), 0xffff)
		last := byte(0)
		if n == len(rest) {
			last = 1
		}
		out = append(out, last)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, rest[:n]...)
		if rest = rest[n:]; last == 1 {
			break
		}
	}
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(b))
	return binary.LittleEndian.AppendUint32(out, uint32(len(b)))
}
