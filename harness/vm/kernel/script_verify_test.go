package kernel

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// debianMirror is a mirror of Debian 12 on this host, with a kernel in its security updates.
type debianMirror struct {
	*testing.T
	dir     string
	keyring string // of the key that signs
}

const (
	mirroredRelease = "6.1.0-10-cloud-" + runtime.GOARCH
	mirroredPackage = "debian-security/pool/kernel.deb"
)

func newDebianMirror(t *testing.T) debianMirror {
	t.Helper()
	m := debianMirror{T: t, dir: t.TempDir()}
	m.keyring = m.key("signs")
	root := filepath.Join(m.dir, "root")
	for name, text := range map[string]string{
		"DEBIAN/control":                                  "Package: linux-image-" + mirroredRelease + "\nVersion: 6.1.1-1\nArchitecture: " + runtime.GOARCH + "\nMaintainer: none <none@example.org>\nDescription: a kernel\n",
		"boot/vmlinuz-" + mirroredRelease:                 "the kernel",
		"boot/config-" + mirroredRelease:                  "CONFIG_TUN=m\n",
		"lib/modules/" + mirroredRelease + "/modules.dep": "",
	} {
		write(t, filepath.Join(root, name), []byte(text))
	}
	write(t, filepath.Join(m.dir, mirroredPackage), nil)
	m.command("dpkg-deb", "--root-owner-group", "--build", root, filepath.Join(m.dir, mirroredPackage))
	m.index("debian", "bookworm", "")
	deb := m.read(mirroredPackage)
	m.index("debian-security", "bookworm-security", fmt.Sprintf("Package: linux-image-%s\nVersion: 6.1.1-1\nArchitecture: %s\nFilename: pool/kernel.deb\nSize: %d\nSHA256: %x\nDescription: a kernel\n",
		mirroredRelease, runtime.GOARCH, len(deb), sha256.Sum256(deb)))
	return m
}

// command runs a program and returns its output.
func (m debianMirror) command(name string, args ...string) []byte {
	m.Helper()
	cmd := exec.Command(name, args...)
	out, err := cmd.Output()
	if err != nil {
		m.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

func (m debianMirror) read(name string) []byte {
	m.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.Fatal(err)
	}
	return text
}

// key makes a key in a GnuPG folder of its name, and returns its keyring.
func (m debianMirror) key(name string) string {
	m.Helper()
	home := filepath.Join(m.dir, name)
	if err := os.Mkdir(home, 0o700); err != nil {
		m.Fatal(err)
	}
	m.Cleanup(func() {
		if out, err := exec.Command("gpgconf", "--homedir", home, "--kill", "all").CombinedOutput(); err != nil {
			m.Errorf("end the agent of GnuPG: %v\n%s", err, out)
		}
	})
	m.command("gpg", "--homedir", home, "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", name+"@example.org", "ed25519", "sign", "never")
	keyring := filepath.Join(m.dir, name+".gpg")
	write(m.T, keyring, m.command("gpg", "--homedir", home, "--batch", "--export"))
	return keyring
}

// index writes the lists of a suite and signs them.
func (m debianMirror) index(mirror, suite, packages string) {
	m.Helper()
	dists := filepath.Join(m.dir, mirror, "dists", suite)
	list := "main/binary-" + runtime.GOARCH + "/Packages"
	write(m.T, filepath.Join(dists, list), []byte(packages))
	release := filepath.Join(dists, "Release")
	write(m.T, release, fmt.Appendf(nil, "Origin: Debian\nLabel: Debian\nSuite: %[1]s\nCodename: %[1]s\nDate: Sat, 10 Jun 2023 08:53:33 UTC\nArchitectures: %[2]s\nComponents: main\nSHA256:\n %[3]x %[4]d %[5]s\n",
		suite, runtime.GOARCH, sha256.Sum256([]byte(packages)), len(packages), list))
	m.command("gpg", "--homedir", filepath.Join(m.dir, "signs"), "--batch", "--quiet", "--clearsign", "--output", filepath.Join(dists, "InRelease"), release)
}

// A kernel of a mirror whose signature and sums are right is unpacked into the cache, by a
// host whose apt knows nothing; all others are refused.
func TestFetchScriptVerifies(t *testing.T) {
	for _, program := range []string{"apt-get", "dpkg-deb", "gpg", "gpg-agent"} {
		if _, err := exec.LookPath(program); err != nil {
			if _, debian := os.Stat("/etc/debian_version"); debian == nil && os.Getenv("CI") == "true" {
				t.Fatalf("%v: scripts/setup.sh test installs it", err)
			}
			t.Skipf("needs apt-get, dpkg-deb, gpg and gpg-agent: %v", err)
		}
	}
	inRelease := "debian-security/dists/bookworm-security/InRelease"
	for name, test := range map[string]struct {
		change func(m *debianMirror)
		want   string // "": the kernel is there
	}{
		"signed": {func(*debianMirror) {}, ""},
		"another key": {func(m *debianMirror) { m.keyring = m.key("other") },
			"could not fetch the lists"},
		"unsigned": {func(m *debianMirror) {
			for _, name := range []string{inRelease, "debian/dists/bookworm/InRelease"} {
				if err := os.Remove(filepath.Join(m.dir, name)); err != nil {
					m.Fatal(err)
				}
			}
		}, "could not fetch the lists"},
		"changed after it was signed": {func(m *debianMirror) {
			write(m.T, filepath.Join(m.dir, inRelease), []byte(strings.Replace(string(m.read(inRelease)), "Label: Debian", "Label: Nobody", 1)))
		}, "could not fetch the lists"},
		"changed list": {func(m *debianMirror) {
			list := "debian-security/dists/bookworm-security/main/binary-" + runtime.GOARCH + "/Packages"
			write(m.T, filepath.Join(m.dir, list), []byte(strings.Replace(string(m.read(list)), "a kernel", "A kernel", 1)))
		}, "could not fetch the lists"},
		"changed package": {func(m *debianMirror) {
			deb := m.read(mirroredPackage)
			deb[len(deb)-1] ^= 1
			write(m.T, filepath.Join(m.dir, mirroredPackage), deb)
		}, "could not download linux-image-" + mirroredRelease},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newDebianMirror(t)
			test.change(&m)
			h := newScriptHost(t, nil)
			// The lists and sources of a host that knows no mirror.
			config := filepath.Join(h.dir, "apt.conf")
			write(t, config, fmt.Appendf(nil, "Dir::Etc::sourcelist \"/dev/null\";\nDir::Etc::sourceparts \"/dev/null\";\nDir::State \"%[1]s/state\";\nDir::State::lists \"%[1]s/state/lists\";\nDir::Cache \"%[1]s/state\";\n", h.dir))
			out, err := h.run([]string{"APT_CONFIG=" + config, "DEBIAN_MIRROR=file:" + filepath.Join(m.dir, "debian"), "DEBIAN_KEYRING=" + m.keyring}, "6.1")
			kernel := filepath.Join(h.dir, ".cache/tunbench/kernels", mirroredRelease)
			if test.want != "" {
				if _, there := os.Stat(kernel); err == nil || !strings.Contains(out, test.want) || there == nil {
					t.Errorf("%v, want %q, there: %v\n%s", err, test.want, there == nil, out)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, name := range []string{"vmlinuz", "config", "modules/modules.dep"} {
				if _, err := os.Stat(filepath.Join(kernel, name)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
