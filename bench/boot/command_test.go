package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNewCommand(t *testing.T) {
	suite := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(suite, []byte("name: mine\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	const inGuest = suitesDir + "/mine.yaml"
	file := map[string][]byte{inGuest: []byte("name: mine\n")}
	for _, test := range []struct {
		args string
		want string
		out  string
		file bool
		err  string
	}{
		{"version", "version", "", false, ""},
		{"run --suite smoke", "run --suite smoke --out " + outDir, "", false, ""},
		{"-q run --out here --suite=smoke", "-q run --suite=smoke --out " + outDir, "here", false, ""},
		{"run --out=here", "run --out " + outDir, "here", false, ""},
		{"run --suite " + suite + " --trials 1", "run --suite " + inGuest + " --trials 1 --out " + outDir, "", true, ""},
		{"list --suite=" + suite, "list --suite " + inGuest, "", true, ""},
		{"run --suite ./lost.yaml", "", "", false, "open suite: open ./lost.yaml"},
		{"vm --kernel 6.1", "", "", false, "a guest cannot boot guests"},
		{"run --out", "run --out --out " + outDir, "", false, ""}, // rehearse says what is wrong with it
	} {
		g, err := NewCommand(strings.Fields(test.args))
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.args, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.args, err)
			continue
		}
		want := map[string][]byte{}
		if test.file {
			want = file
		}
		if got := strings.Join(g.Job.Commands[0], " "); got != test.want || g.Out != test.out {
			t.Errorf("%s: %q, out %q, want %q, out %q", test.args, got, g.Out, test.want, test.out)
		}
		if d := cmp.Diff(want, g.Job.Files); d != "" {
			t.Errorf("%s: files (-want +got):\n%s", test.args, d)
		}
	}
}
