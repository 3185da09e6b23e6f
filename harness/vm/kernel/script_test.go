package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The script chooses the newest package of a series and a flavour, and names
// what there is none of.
func TestFetchScript(t *testing.T) {
	script, err := filepath.Abs("../../../scripts/kernels.sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("needs bash: %v", err)
	}
	dir := t.TempDir()
	var names []string
	for _, release := range []string{"6.1.0-9", "6.1.0-10", "6.12.99+deb12", "6.12.117+deb12", "6.12.1170+other"} {
		for _, flavour := range []string{"amd64", "cloud-amd64", "rt-amd64", "arm64", "cloud-arm64", "rt-arm64"} {
			name := "linux-image-" + release + "-" + flavour
			names = append(names, name, name+"-dbg", name+"-unsigned")
		}
	}
	names = append(names, "linux-image-6.1-amd64", "linux-image-6.12-rt-amd64", "linux-image-6.13.1-amd64")
	for name, text := range map[string]string{
		"apt-cache": "cat " + filepath.Join(dir, "names") + "\n",
		// A host with Debian 12, so there are no other lists to look in.
		"apt-get": `case "$*" in
*CODENAME*) printf 'bookworm\nbookworm-security\n'; exit ;;
indextargets*) echo deb http://mirror bookworm main; exit ;;
*update) grep -q 'APT::Architecture "arm64"' "$(dirname "$APT_CONFIG")/apt.conf" && exit ;;
esac
echo no network; exit 1
`,
		"dpkg-deb": "exit 1\n",
		"dpkg":     "echo amd64\n",
	} {
		write(t, filepath.Join(dir, "bin", name), []byte("#!/bin/sh\n"+text))
		if err := os.Chmod(filepath.Join(dir, "bin", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "names"), []byte(strings.Join(names, "\n")+"\n"))
	run := func(args ...string) (string, error) {
		cmd := exec.Command("bash", append([]string{script}, args...)...)
		cmd.Env = []string{"PATH=" + filepath.Join(dir, "bin") + ":/usr/bin:/bin", "HOME=" + dir}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for arg, want := range map[string]string{
		"6.1":                       "fetching linux-image-6.1.0-10-cloud-amd64\n",
		"6.1-rt":                    "fetching linux-image-6.1.0-10-rt-amd64\n",
		"6.1-amd64":                 "fetching linux-image-6.1.0-10-amd64\n",
		"6.1.0-9-rt":                "fetching linux-image-6.1.0-9-rt-amd64\n",
		"6.1.0-9-amd64":             "fetching linux-image-6.1.0-9-amd64\n",
		"6.12.117+deb12":            "fetching linux-image-6.12.117+deb12-cloud-amd64\n",
		"6.12.117+deb12-rt-amd64":   "fetching linux-image-6.12.117+deb12-rt-amd64\n",
		"6.12.117":                  "fetching linux-image-6.12.117+deb12-cloud-amd64\n",
		"6.12.99+deb12-cloud-amd64": "fetching linux-image-6.12.99+deb12-cloud-amd64\n",
		"6.13":                      "apt knows no cloud kernel 6.13",
		"6.13-amd64":                "fetching linux-image-6.13.1-amd64\n",
		"6.11-amd64":                "apt knows no generic kernel 6.11",
		"6.13-rt":                   "apt knows no rt kernel 6.13",
		// apt has lists of its own for another architecture.
		"6.12-cloud-arm64":             "kernels: fetching Debian's lists of packages for arm64\nkernels: fetching linux-image-6.12.1170+other-cloud-arm64\n",
		"6.12-arm64":                   "fetching linux-image-6.12.1170+other-arm64\n",
		"--arch arm64 6.1":             "fetching linux-image-6.1.0-10-cloud-arm64\n",
		"--arch arm64 6.13":            "apt knows no cloud kernel 6.13 for arm64",
		"--arch amd64 6.1":             "fetching linux-image-6.1.0-10-cloud-amd64\n",
		"--arch amd64 6.1-cloud-arm64": "6.1-cloud-arm64 is not for --arch amd64",
		"--arch arm 6.1":               "--arch arm: choose amd64 or arm64",
		"rt":                           "rt is no series such as 6.1 or 6.12-rt",
	} {
		if err := os.RemoveAll(filepath.Join(dir, ".cache/tunbench/apt")); err != nil {
			t.Fatal(err)
		}
		if out, err := run(strings.Fields(arg)...); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v, %s, want %q", arg, err, out, want)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".cache/tunbench/kernels/.fetch-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
