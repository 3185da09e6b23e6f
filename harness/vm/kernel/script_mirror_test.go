package kernel

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// scriptHost is a host on which scripts/kernels.sh runs, with programs in bin.
type scriptHost struct {
	*testing.T
	dir, keyring string
	env          []string
}

func newScriptHost(t *testing.T, programs map[string]string) scriptHost {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("needs bash: %v", err)
	}
	h := scriptHost{T: t, dir: t.TempDir()}
	h.keyring = filepath.Join(h.dir, "keyring.gpg")
	write(t, h.keyring, nil)
	for name, text := range programs {
		path := filepath.Join(h.dir, "bin", name)
		write(t, path, []byte("#!/bin/sh\n"+text))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.env = []string{"PATH=" + filepath.Join(h.dir, "bin") + ":/usr/bin:/bin", "HOME=" + h.dir, "DEBIAN_KEYRING=" + h.keyring}
	return h
}

// run runs the script with settings that are added to the environment.
func (h scriptHost) run(env []string, args ...string) (output string, err error) {
	h.Helper()
	script, err := filepath.Abs("../../../scripts/kernels.sh")
	if err != nil {
		h.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{script}, args...)...)
	cmd.Env = append(h.env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sources are those of the lists that apt keeps for Debian 12, or "".
func (h scriptHost) sources(arch string) string {
	h.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, ".cache/tunbench/apt/bookworm-"+arch, "sources.list"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.Fatal(err)
	}
	return strings.ReplaceAll(string(text), " signed-by="+h.keyring, "")
}

// Programs of hosts whose apt knows no kernel 6.1. Ubuntu's knows no mirror of Debian,
// Debian 13's does, and knows a kernel 6.12. The lists of Debian 12 have both.
func withoutKernels(debian13 bool) map[string]string {
	programs := map[string]string{
		"dpkg":     "echo amd64\n",
		"dpkg-deb": "exit 1\n",
		"apt-get": `case "$*" in
indextargets*) exit ;;
*update) test -z "$OFFLINE" && grep -q "APT::Architecture" "$(dirname "$APT_CONFIG")/apt.conf" && exit ;;
esac
echo no network; exit 1
`,
		"apt-cache": `case $APT_CONFIG in
*/bookworm-*) for arch in amd64 arm64; do echo linux-image-6.1.0-10-cloud-$arch; echo linux-image-6.12.117+deb12-cloud-$arch; done ;;
esac
`,
		// Names no mirror. Tests replace it.
		"debootstrap": "exit 1\n",
	}
	if debian13 {
		programs["apt-get"] = `test -n "$APT_CONFIG" || case "$*" in
*CODENAME*) printf 'trixie\ntrixie-security\n'; exit ;;
*Label:*Debian-Security*) echo http://security/debian-updates/; exit ;;
*Label:*Debian*) echo http://host/debian/; exit ;;
indextargets*) echo deb http://host/debian/ trixie main; exit ;;
esac
` + programs["apt-get"]
		programs["apt-cache"] += "test -n \"$APT_CONFIG\" || echo linux-image-6.12.107+deb13-cloud-amd64\n"
	}
	return programs
}

// Where the host's apt has no kernel of a series, Debian 12's are fetched from the mirror
// in DEBIAN_MIRROR, of the host's apt or of debootstrap, in this order.
func TestFetchScriptMirror(t *testing.T) {
	const (
		lists  = "kernels: fetching Debian's lists of packages for "
		none   = "no mirror of Debian is known: set DEBIAN_MIRROR"
		script = "#!/bin/sh\nset -e\nDEF_MIRROR=\"http://there/debian\"\nDEF_HTTPS_MIRROR=\"https://there/debian\"\nDEF_MIRROR=\"$OTHER\"\n"
	)
	from := func(mirror, security string) string {
		return "deb [target=Packages] " + mirror + "/ bookworm main\ndeb [target=Packages] " + security + "/ bookworm-security main\n"
	}
	here, there := from("http://here/debian", "http://here/debian-security"), from("http://there/debian", "http://there/debian-security")
	for name, test := range map[string]struct {
		debian13            bool
		debootstrap, mirror string
		args                string
		want, sources       string
	}{
		"variable":              {false, "", "http://here/debian", "6.1", lists + "amd64\nkernels: fetching linux-image-6.1.0-10-cloud-amd64\n", here},
		"variable with a slash": {false, "", "http://here/debian/", "6.12", lists + "amd64\nkernels: fetching linux-image-6.12.117+deb12-cloud-amd64\n", here},
		"debootstrap":           {false, script, "", "6.1", lists + "amd64\nkernels: fetching linux-image-6.1.0-10-cloud-amd64\n", there},
		"both":                  {false, script, "http://here/debian", "6.1", "fetching linux-image-6.1.0-10-cloud-amd64\n", here},
		"none":                  {false, "", "", "6.1", none, ""},
		"no address":            {false, script, "here", "6.1", "here is no address of a mirror of Debian: set DEBIAN_MIRROR", ""},
		"two words":             {false, script, "http://here bookworm", "6.1", "http://here bookworm is no address of a mirror", ""},
		"variable of a script":  {false, "DEF_MIRROR=\"$OTHER\"\n", "", "6.1", "$OTHER is no address of a mirror", ""},
		"no such series":        {false, script, "", "6.13", "apt knows no cloud kernel 6.13 for amd64, nor one of Debian 12", there},
		"Debian 13":             {true, script, "", "6.1", lists + "amd64\nkernels: fetching linux-image-6.1.0-10-cloud-amd64\n", from("http://host/debian", "http://security/debian-updates")},
		"Debian 13, variable":   {true, script, "http://here/debian", "6.1", "fetching linux-image-6.1.0-10-cloud-amd64\n", from("http://here/debian", "http://security/debian-updates")},
		"Debian 13 has 6.12":    {true, script, "http://here/debian", "6.12", "kernels: fetching linux-image-6.12.107+deb13-cloud-amd64\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			programs := withoutKernels(test.debian13)
			if test.debootstrap != "" {
				programs["debootstrap"] = test.debootstrap
			}
			h := newScriptHost(t, programs)
			out, err := h.run([]string{"DEBIAN_MIRROR=" + test.mirror}, test.args)
			if err == nil || !strings.Contains(out, test.want) || strings.Contains(out, lists) != (test.sources != "") {
				t.Errorf("%v, want %q\n%s", err, test.want, out)
			}
			if got := h.sources("amd64"); got != test.sources {
				t.Errorf("sources:\n%swant:\n%s", got, test.sources)
			}
		})
	}
}

// The lists of Debian 12 are kept for an hour, unless they are from another mirror, and one
// for each architecture. What is there is listed without them.
func TestFetchScriptLists(t *testing.T) {
	h := newScriptHost(t, withoutKernels(false))
	const fetches = "fetching Debian's lists of packages for "
	mirror := func(name string) []string { return []string{"DEBIAN_MIRROR=http://" + name + "/debian"} }
	for _, test := range []struct {
		env  []string
		args string
		want bool // fetches lists
	}{
		{mirror("here"), "6.1", true},
		{mirror("here"), "6.12", false},
		{mirror("here"), "--arch arm64 6.1", true},
		{mirror("here"), "6.1-cloud-arm64", false},
		{mirror("there"), "6.1", true},
		{append(mirror("here"), "OFFLINE=yes"), "6.1", true},
		{mirror("here"), "6.1", true},
		{mirror("here"), "6.1", false},
	} {
		if out, _ := h.run(test.env, strings.Fields(test.args)...); strings.Contains(out, fetches) != test.want {
			t.Errorf("%v %s: fetches lists is %v\n%s", test.env, test.args, !test.want, out)
		}
	}
	if got, want := h.sources("arm64"), "deb [target=Packages] http://here/debian/ bookworm main\ndeb [target=Packages] http://here/debian-security/ bookworm-security main\n"; got != want {
		t.Errorf("sources for arm64:\n%s", got)
	}

	write(t, filepath.Join(h.dir, ".cache/tunbench/kernels/6.1.0-9-cloud-amd64/vmlinuz"), nil)
	if out, err := h.run(mirror("here"), "--available", "6.1"); err != nil || out != "6.1.0-9-cloud-amd64\n6.1.0-10-cloud-amd64\n" {
		t.Errorf("--available: %v\n%s", err, out)
	}
	offline := append(mirror("nowhere"), "OFFLINE=yes")
	if out, err := h.run(offline, "--available", "6.1"); err != nil || !strings.Contains(out, "could not fetch the lists") || !strings.HasSuffix(out, "\n6.1.0-9-cloud-amd64\n") {
		t.Errorf("--available without a mirror: %v\n%s", err, out)
	}
	if out, err := h.run(offline, "6.1"); err == nil || !strings.Contains(out, "no network\n") || strings.Contains(out, "fetching linux") {
		t.Errorf("without a mirror: %v\n%s", err, out)
	}
	if out, err := h.run(append(mirror("here"), "DEBIAN_KEYRING=/nowhere/keys.gpg"), "6.1"); err == nil || !strings.Contains(out, "there is no keyring /nowhere/keys.gpg") {
		t.Errorf("without a keyring: %v\n%s", err, out)
	}
}
