package kernel

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModuleOrder(t *testing.T) {
	const dep = `kernel/net/wireguard.ko.xz: kernel/net/udp-tunnel.ko.zst kernel/crypto/chacha.ko.gz
kernel/net/udp-tunnel.ko.zst:
kernel/crypto/chacha.ko.gz: kernel/crypto/lib.ko
kernel/crypto/lib.ko:
kernel/a.ko: kernel/b.ko
kernel/b.ko: kernel/c.ko
kernel/c.ko: kernel/a.ko
kernel/lost.ko: kernel/nowhere.ko
`
	dir := t.TempDir()
	write(t, filepath.Join(dir, "modules.dep"), []byte(dep))
	write(t, filepath.Join(dir, "modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	tree, err := ReadModules(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		wanted []string
		want   []string
		err    string
	}{
		{[]string{"tun"}, nil, ""},
		{[]string{"wireguard", "lib", "tun"}, []string{"udp_tunnel", "lib", "chacha", "wireguard"}, ""},
		{[]string{"udp-tunnel"}, []string{"udp_tunnel"}, ""},
		{[]string{"b"}, nil, "modules need each other: b -> c -> a -> b"},
		{[]string{"lost"}, nil, "nowhere, which lost needs: no such module"},
		{[]string{"none"}, nil, "none: no such module"},
	} {
		got, err := tree.Order(test.wanted...)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%v: error %v, want %s", test.wanted, err, test.err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, test.want) {
			t.Errorf("%v: %v, %v, want %v", test.wanted, got, err, test.want)
		}
	}
	if _, err := tree.Read("none"); !errors.Is(err, errNoModule) {
		t.Errorf("read none: %v", err)
	}
	if _, err := tree.Read("lib"); err == nil || !strings.Contains(err.Error(), "not there in any form") {
		t.Errorf("read lib: %v", err)
	}
}

// Without modules.dep, which depmod makes when a kernel is installed, the
// files themselves tell; each compression is read.
func TestModulesOfTree(t *testing.T) {
	for _, order := range []string{".ko", ".o"} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "modules.order"), []byte("drivers/vhost/vhost-net"+order+"\ndrivers/vhost/vhost"+order+"\ndrivers/net/tun"+order+"\nlib/one"+order+"\n"))
		files := []struct{ path, suffix, depends string }{
			{"drivers/vhost/vhost-net.ko", ".xz", "vhost,tun"},
			{"drivers/vhost/vhost.ko", ".zst", "one"},
			{"drivers/net/tun.ko", ".gz", ""},
			{"lib/one.ko", "", "tun"},
		}
		for _, f := range files {
			write(t, filepath.Join(dir, f.path+f.suffix), compress(t, f.suffix, ko(f.depends)))
		}
		tree, err := ReadModules(dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := tree.Order("vhost_net")
		if want := []string{"tun", "one", "vhost", "vhost_net"}; err != nil || !cmp.Equal(got, want) {
			t.Errorf("order: %v, %v, want %v", got, err, want)
		}
		for _, f := range files {
			got, err := tree.Read(moduleName(f.path))
			if err != nil || !bytes.Equal(got, ko(f.depends)) {
				t.Errorf("read %s%s: %d bytes, %v", f.path, f.suffix, len(got), err)
			}
		}
		write(t, filepath.Join(dir, "lib/one.ko"), []byte("not an object"))
		if _, err := tree.Order("vhost"); err == nil || !strings.Contains(err.Error(), "modinfo of module one") {
			t.Errorf("order with a broken module: %v", err)
		}
	}
	if _, err := ReadModules(t.TempDir()); err == nil || !strings.Contains(err.Error(), "none of modules.dep") {
		t.Errorf("an empty folder: %v", err)
	}
}
