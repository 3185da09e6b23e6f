package vm

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frame makes the results of two commands.
func frame(t testing.TB) (framed []byte, want *Result) {
	t.Helper()
	dir := t.TempDir()
	streams := map[string]string{}
	commands := []CommandResult{{Args: []string{"version"}, Duration: 5}, {Args: []string{"run"}, Exit: 2, Error: "killed by SIGKILL"}}
	want = &Result{Commands: commands, Files: map[string][]byte{
		"run.jsonl": []byte("{}\n"),
		"sub/chart": []byte(strings.Repeat("\x00\r\n\xff", 1000)),
		"empty":     {},
	}}
	for i := range commands {
		for _, prefix := range []string{tarStdout, tarStderr} {
			name := fmt.Sprint(prefix, i)
			streams[name] = filepath.Join(dir, "streams", name)
			write(t, streams[name], []byte("text of "+name))
		}
	}
	for name, contents := range want.Files {
		write(t, filepath.Join(dir, "out", name), contents)
	}
	var b bytes.Buffer
	if err := writeFrame(&b, commands, streams, filepath.Join(dir, "out")); err != nil {
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
		got, err := parseFrame(append([]byte(before), framed...))
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
		if _, err := parseFrame(framed[:n]); !errors.Is(err, errTorn) {
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
			if got, err := parseFrame(b); err == nil && !cmp.Equal(got, want) {
				t.Fatalf("byte %d %s: other results and no error", n, what)
			}
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	framed, _ := frame(f)
	f.Add(framed)
	f.Add([]byte(frameBegin))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseFrame(b)
		if err != nil {
			return
		}
		for name := range r.Files {
			if !filepath.IsLocal(name) {
				t.Errorf("file %q", name)
			}
		}
	})
}
