package boot

import (
	"errors"
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
	dir := filepath.Dir(suite)
	for name, text := range map[string]string{"vpn.yaml": "name: vpn\n", "a/tun.ko": "A", "b/tun.ko": "B"} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	const inGuest = suitesDir + "/mine.yaml"
	file := map[string][]byte{inGuest: []byte("name: mine\n")}
	program := map[string][]byte{programsDir + "/vpn.yaml": []byte("name: vpn\n")}
	modules := map[string][]byte{modulesDir + "/tun.ko": []byte("A"), modulesDir + "/2/tun.ko": []byte("B")}
	for _, test := range []struct {
		args string
		want string
		out  string
		file map[string][]byte
		err  string
	}{
		{"version", "version", "", nil, ""},
		{"run --suite smoke", "run --suite smoke --out " + outDir, "", nil, ""},
		{"-q run --out here --suite=smoke", "-q run --suite=smoke --out " + outDir, "here", nil, ""},
		{"run --out=here", "run --out " + outDir, "here", nil, ""},
		{"run --suite " + suite + " --trials 1", "run --suite " + inGuest + " --trials 1 --out " + outDir, "", file, ""},
		{"list --suite=" + suite, "list --suite " + inGuest, "", file, ""},
		{"ab --program " + dir + "/vpn.yaml --b program=vpn", "ab --program " + programsDir + "/vpn.yaml --b program=vpn --out " + outDir, "", program, ""},
		{"run --module=old=" + dir + "/a/tun.ko --module new=" + dir + "/b/tun.ko --module again=" + dir + "/a/tun.ko",
			"run --module old=" + modulesDir + "/tun.ko --module new=" + modulesDir + "/2/tun.ko --module again=" + modulesDir + "/tun.ko --out " + outDir, "", modules, ""},
		{"run --module nonsense", "run --module nonsense --out " + outDir, "", nil, ""}, // rehearse says what is wrong with it
		{"run --module new=./lost.ko", "", "", nil, "open module: open ./lost.ko"},
		{"run --suite ./lost.yaml", "", "", nil, "open suite: open ./lost.yaml"},
		{"vm --kernel 6.1", "", "", nil, "a guest cannot boot guests"},
		{"run --out", "run --out --out " + outDir, "", nil, ""}, // rehearse says what is wrong with it
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
		want := test.file
		if want == nil {
			want = map[string][]byte{}
		}
		if got := strings.Join(g.Job.Commands[0], " "); got != test.want || g.Out != test.out {
			t.Errorf("%s: %q, out %q, want %q, out %q", test.args, got, g.Out, test.want, test.out)
		}
		if d := cmp.Diff(want, g.Job.Files); d != "" {
			t.Errorf("%s: files (-want +got):\n%s", test.args, d)
		}
	}
}

// Parameters of a module, which follow its file, stay where they are.
func TestModuleParameters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tun.ko")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	g, err := NewCommand([]string{"run", "--module", "new=" + path + " lab=missed x=1"})
	if err != nil || g.Job.Commands[0][2] != "new="+modulesDir+"/tun.ko lab=missed x=1" {
		t.Errorf("%q, %v", g.Job.Commands, err)
	}
}
