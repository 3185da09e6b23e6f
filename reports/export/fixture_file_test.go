package export

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens compares the files in dir with those in testdata/name.
func goldens(t *testing.T, dir, name string) {
	t.Helper()
	want := filepath.Join("testdata", name)
	if *update {
		if err := os.RemoveAll(want); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(want, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(contents(t, want), contents(t, dir)); d != "" {
		t.Errorf("%s (-want +got), see -update:\n%s", name, d)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

const hostile = "a|b `c` *d* _e_ <script>alert(1)</script> [x](http://evil.example) &amp; ~~f~~ # $1$ @me www.evil.example\n| new | row |\n</details>\x1b[31m\u202e\\"

// readable holds that a seed can be read: of one that is refused nothing is shown, and
// nothing that grows out of it.
func readable(f *testing.F, seeds ...[]byte) {
	f.Helper()
	for _, in := range seeds {
		if _, err := record.Read(bytes.NewReader(in)); err != nil {
			f.Fatalf("the seed %s cannot be read: %v", in, err)
		}
	}
}

// checkXML makes sure that text is well-formed, and that no coordinate is
// anything but a number.
func checkXML(t *testing.T, name, text string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if el.Name.Local == "script" {
			t.Errorf("%s has a script", name)
		}
		for _, a := range el.Attr {
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("%s: <%s %s=%q>", name, el.Name.Local, a.Name.Local, a.Value)
			}
		}
	}
}

// trialsOf is a scenario of as many bare trials as there are rates.
func trialsOf(scenario string, rates ...float64) (list []record.Trial) {
	for i, pps := range rates {
		p99 := uint64(1000 * (i + 1))
		list = append(list, record.Trial{Scenario: scenario, Arm: record.Bare, Pair: i + 1, Trial: i + 1,
			Metrics: map[string]float64{record.PPS: pps}, Latency: map[string]record.Latency{record.E2E: {P99Ns: &p99}}})
	}
	return list
}

// oddRun is a run of two scenarios, one measured with a metric that is unknown and
// one skipped.
func oddRun(scenario, metric, skipped, reason oddText) *record.File {
	return &record.File{
		Run: &record.Run{Kind: record.KindRun, Schema: 1, Host: record.Host{Kernel: string(reason)}},
		Trials: []record.Trial{{Scenario: string(scenario), Arm: record.Bare, Flags: []string{string(reason)},
			Metrics: map[string]float64{record.PPS: 1e6, record.Loss: 0.25, string(metric): 3}}},
		Skips: []record.Skip{{Scenario: string(skipped), Reason: string(reason), Detail: string(metric)}},
	}
}

// oddText is a text that some format gives a meaning to, or has no way to write.
// It is what a run file can hold: valid UTF-8.
type oddText string

func (oddText) Generate(rng *rand.Rand, size int) reflect.Value {
	pieces := []string{
		"Tun", "/", "=", "|", "`", "'", `"`, `\`, `\n`, `\x1b`, `\\x1b`, "\n", "\r", "\r\n", "\t", " ", ",", ";", "#", "# EOF\n", "{", "}", "<", "&", "&amp;", "]]>", "<![CDATA[", "-->",
		"\x00", "\x01", "\x1b[31m", "\x7f", "\u0085", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe", "\uffff", "ü", "漢字", "🜁", "NaN", "%", "queues=4", "arm=observed", "_", "-", ".",
	}
	var b strings.Builder
	for range rng.Intn(8) {
		if rng.Intn(6) == 0 {
			b.WriteRune([]rune(string(rune(rng.Intn(0x110000))))[0]) // a surrogate becomes U+FFFD
		} else {
			b.WriteString(pieces[rng.Intn(len(pieces))])
		}
	}
	return reflect.ValueOf(oddText(b.String()))
}
