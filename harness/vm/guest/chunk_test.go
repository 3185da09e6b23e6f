package guest

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chunks hands out contents in parts, as a command in a guest does.
func chunks(t testing.TB, name string, parts ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	g := &Growing{path: path, name: name}
	var b bytes.Buffer
	var whole string
	for _, part := range parts {
		whole += part
		write(t, path, []byte(whole))
		if err := g.send(&b); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestStream(t *testing.T) {
	framed, _ := frame(t)
	long := strings.Repeat("a line of a record\n", 10000)
	sent := chunks(t, "a/run.jsonl", "one\n", long, "three\x00\xff\n")
	for name, in := range map[string][]byte{
		"whole":        append(bytes.Clone(sent), framed...),
		"firmware":     slices.Concat([]byte("SeaBIOS"), sent, []byte("no end of this line"), []byte("\n"), framed),
		"without more": framed,
	} {
		files := map[string]string{}
		rest := ReadStream(bytes.NewReader(in), func(n string, o int64, b []byte) {
			if o != int64(len(files[n])) {
				t.Errorf("%s: %s at %d, after %d bytes", name, n, o, len(files[n]))
			}
			files[n] += string(b)
		}, func(err error) { t.Errorf("%s: %v", name, err) })
		if !bytes.Equal(rest, framed) {
			t.Errorf("%s: %d bytes of the frame, want %d", name, len(rest), len(framed))
		}
		want := map[string]string{"a/run.jsonl": "one\n" + long + "three\x00\xff\n"}
		if name == "without more" {
			want = map[string]string{}
		}
		if d := cmp.Diff(want, files); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// What does not arrive whole is never given out as if it had.
func TestTornStream(t *testing.T) {
	const one, two = "the first record\n", "the second record\n"
	first := chunks(t, "run.jsonl", one)
	sent := chunks(t, "run.jsonl", one, two)
	allowed := map[string]bool{"": true, one: true, one + two: true}
	read := func(in []byte) (got string, torn bool) {
		ReadStream(bytes.NewReader(in), func(_ string, _ int64, b []byte) { got += string(b) }, func(error) { torn = true })
		return got, torn
	}
	for n := range sent {
		got, _ := read(sent[:n])
		if !allowed[got] || n >= len(first) && got == "" {
			t.Fatalf("cut after %d of %d bytes: %q", n, len(sent), got)
		}
	}
	for n := range sent {
		changed := bytes.Clone(sent)
		changed[n] ^= 0x04
		if got, torn := read(changed); !allowed[got] && got != two || !torn && got == "" {
			t.Fatalf("byte %d changed: %q, told: %v", n, got, torn)
		}
	}
	for header, want := range map[string]string{
		`{"file":"../evil","offset":0,"length":1,"packed":1,"sum":0}`:        "leads out",
		`{"file":"/etc/passwd","offset":0,"length":1,"packed":1,"sum":0}`:    "leads out",
		`{"file":"a","offset":-1,"length":1,"packed":1,"sum":0}`:             "torn",
		`{"file":"a","offset":0,"length":1,"packed":99999999999,"sum":0}`:    "torn",
		`{"file":"a","offset":0,"length":99999999999,"packed":5,"sum":0}`:    "torn",
		`{"file":"a","offset":99999999999999,"length":9,"packed":5,"sum":0}`: "torn",
		`nonsense`: "torn",
	} {
		if _, _, _, err := readChunk(strings.NewReader("xxxxx\n"), header); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", header, err, want)
		}
	}
}

func FuzzReadStream(f *testing.F) {
	framed, _ := frame(f)
	sent := chunks(f, "run.jsonl", "one\n", "two\n")
	f.Add(append(sent, framed...))
	f.Add([]byte(chunkBegin + `{"file":"a","offset":0,"length":1,"packed":1,"sum":0}` + "\nx"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ReadStream(bytes.NewReader(b), func(name string, offset int64, b []byte) {
			if !filepath.IsLocal(name) || offset < 0 || len(b) == 0 {
				t.Errorf("file %q, offset %d, %d bytes", name, offset, len(b))
			}
		}, func(err error) {
			if err == nil {
				t.Error("torn without an error")
			}
		})
	})
}
