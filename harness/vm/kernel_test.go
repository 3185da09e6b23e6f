package vm

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func amd64Only(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("the kernel lab needs an amd64 host")
	}
}

const goodConfig = "CONFIG_TUN=m\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_SERIAL_8250_CONSOLE=y\n"

// installed writes a kernel as scripts/kernels.sh does.
func installed(t *testing.T, dir, release string) {
	write(t, filepath.Join(dir, "vmlinuz"), bzImage(release))
	write(t, filepath.Join(dir, "config"), []byte(goodConfig))
	write(t, filepath.Join(dir, "modules/modules.order"), []byte("kernel/drivers/net/tun.ko\n"))
	write(t, filepath.Join(dir, "modules/kernel/drivers/net/tun.ko"), ko(""))
}

func TestFind(t *testing.T) {
	amd64Only(t)
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	for _, release := range []string{"6.1.0-9-cloud-amd64", "6.1.0-10-cloud-amd64", "6.12.107+deb12", "6.12.99+deb12"} {
		installed(t, at("cache/tunbench/kernels", release), release)
	}
	write(t, at("cache/tunbench/kernels/.fetch-1/vmlinuz"), bzImage("9.9"))
	installed(t, at("folder"), "6.5.0")
	write(t, at("plain"), bzImage("6.6.0"))
	write(t, at("unpacked/boot/vmlinuz-6.7.0"), bzImage("6.7.0"))
	write(t, at("unpacked/usr/lib/modules/6.7.0/modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	write(t, at("tree/Kbuild"), nil)
	write(t, at("tree/.config"), []byte(goodConfig))
	write(t, at("tree/arch/x86/boot/bzImage"), bzImage("6.8.0"))
	write(t, at("tree/modules.order"), []byte("drivers/net/tun.o\n"))
	write(t, at("tree/drivers/net/tun.ko"), ko(""))
	for _, suffix := range []string{"", ".gz", ".xz", ".zst"} {
		write(t, at("k"+suffix+".deb"), deb(t, suffix, map[string][]byte{
			"./boot/vmlinuz-6.1.0-9":                                 bzImage("6.1.0-9"),
			"./boot/config-6.1.0-9":                                  []byte(goodConfig + "# " + suffix),
			"./lib/modules/6.1.0-9/modules.order":                    []byte("kernel/drivers/net/tun.ko\n"),
			"./lib/modules/6.1.0-9/kernel/drivers/net/tun.ko":        ko(""),
			"./lib/modules/../../../../evil":                         []byte("out of the folder"),
			"./usr/share/doc/linux-image-6.1.0-9-cloud/changelog.gz": []byte("unneeded"),
		}))
	}

	for _, test := range []struct{ arg, release string }{
		{"6.1", "6.1.0-10-cloud-amd64"},
		{"6.1.0-9", "6.1.0-9-cloud-amd64"},
		{"6.12", "6.12.107+deb12"},
		{"6.12.99+deb12", "6.12.99+deb12"},
		{at("folder"), "6.5.0"},
		{at("plain"), "6.6.0"},
		{at("unpacked"), "6.7.0"},
		{at("tree"), "6.8.0"},
		{at("tree/arch/x86/boot/bzImage"), "6.8.0"},
		{at("k.deb"), "6.1.0-9"}, {at("k.gz.deb"), "6.1.0-9"}, {at("k.xz.deb"), "6.1.0-9"}, {at("k.zst.deb"), "6.1.0-9"},
		{at("k.deb"), "6.1.0-9"}, // from the cache
	} {
		k, remove, err := Find(test.arg)
		if err != nil {
			t.Errorf("%s: %v", test.arg, err)
			continue
		}
		if k.Release != test.release || k.Arch != "amd64" || k.Name != test.arg {
			t.Errorf("%s: %+v, want release %s", test.arg, k, test.release)
		}
		if test.arg != at("plain") {
			if tree, err := readModules(k.Modules); err != nil {
				t.Errorf("%s: %v", test.arg, err)
			} else if found, _ := tree.has("tun"); !found {
				t.Errorf("%s: no tun in %s", test.arg, k.Modules)
			}
		}
		if err := remove(); err != nil {
			t.Errorf("%s: remove: %v", test.arg, err)
		}
	}
	packages, err := os.ReadDir(at("cache/tunbench/packages"))
	if err != nil || len(packages) != 4 {
		t.Errorf("unpacked packages: %v, %v, want 4", packages, err)
	}
	if exists(at("evil")) || exists(at("cache/tunbench/packages/evil")) || exists(at("cache/evil")) {
		t.Error("a package wrote outside of its folder")
	}

	// Where there is no room in the cache, a package is unpacked elsewhere and
	// removed.
	t.Setenv("XDG_CACHE_HOME", at("plain"))
	k, remove, err := Find(at("k.xz.deb"))
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil || exists(k.Image) {
		t.Errorf("%s is there after remove: %v", k.Image, err)
	}
}

func TestFindRefuses(t *testing.T) {
	amd64Only(t)
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	arm := make([]byte, 4096)
	copy(arm[0x38:], "ARM\x64")
	write(t, at("arm"), arm)
	zboot := make([]byte, 4096)
	copy(zboot, "MZ")
	zboot[0x3c] = 0x80
	copy(zboot[0x80:], "PE\x00\x00\x64\xaa")
	write(t, at("zboot"), zboot)
	i386 := bzImage("6.1.0")
	i386[0x236] = 0
	write(t, at("i386"), i386)
	unnamed := bzImage("6.1.0")
	binary.LittleEndian.PutUint16(unnamed[0x20e:], 0xfff0)
	write(t, at("unnamed"), unnamed)
	write(t, at("elf"), []byte("\x7fELF..."))
	write(t, at("text"), []byte("hello"))
	write(t, at("empty"), nil)
	write(t, at("nothing/README"), nil)
	write(t, at("unbuilt/Kbuild"), nil)
	write(t, at("two/boot/vmlinuz-1"), bzImage("1.0"))
	write(t, at("two/boot/vmlinuz-2"), bzImage("2.0"))
	installed(t, at("notun"), "6.1.0")
	write(t, at("notun/modules/modules.order"), []byte("kernel/drivers/net/veth.ko\n"))
	installed(t, at("noserial"), "6.1.0")
	write(t, at("noserial/config"), []byte("CONFIG_TUN=y\nCONFIG_BLK_DEV_INITRD=y\n"))
	write(t, at("nomodules/vmlinuz"), bzImage("6.1.0"))
	write(t, at("nomodules/config"), []byte(goodConfig))
	whole := deb(t, ".xz", map[string][]byte{"./boot/vmlinuz-6.1.0": bzImage("6.1.0")})
	write(t, at("torn.deb"), whole[:len(whole)-60])
	write(t, at("header.deb"), whole[:100])
	write(t, at("nokernel.deb"), deb(t, ".gz", map[string][]byte{"./usr/bin/x": nil}))

	for _, test := range []struct{ arg, want string }{
		{"6.1", "is empty; scripts/kernels.sh fetches kernels"},
		{"", "no such file"},
		{"./6.1", "no such file or folder"},
		{"linux.deb", "no such file or folder"},
		{at("arm"), "arm64 image"},
		{at("zboot"), "arm64 image"},
		{at("i386"), "32-bit kernel"},
		{at("unnamed"), "version"},
		{at("elf"), "arch/x86/boot/bzImage"},
		{at("text"), "not a bzImage"},
		{at("empty"), "empty"},
		{at("nothing"), "holds no kernel"},
		{at("unbuilt"), "run make bzImage"},
		{at("two"), "holds 2 kernels"},
		{at("notun"), "has no TUN"},
		{at("noserial"), "without a serial console"},
		{at("nomodules"), "its modules are not at hand"},
		{at("torn.deb"), "unpack"},
		{at("header.deb"), "unexpected EOF"},
		{at("nokernel.deb"), "holds no kernel"},
	} {
		_, remove, err := Find(test.arg)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.arg, err, test.want)
		}
		if err := remove(); err != nil {
			t.Errorf("%q: remove: %v", test.arg, err)
		}
	}

	installed(t, at("cache/tunbench/kernels/6.12.1"), "6.12.1")
	if _, _, err := Find("6.1"); err == nil || !strings.Contains(err.Error(), "holds 6.12.1") {
		t.Errorf("6.1 with only 6.12 cached: %v", err)
	}
	for _, e := range []string{"torn.deb", "header.deb"} {
		sum, err := fileSum(at(e))
		if err != nil || exists(at("cache/tunbench/packages", sum)) {
			t.Errorf("%s was unpacked in part (%v)", e, err)
		}
	}
}

func TestCompareReleases(t *testing.T) {
	sorted := []string{"5.10", "6.1", "6.1.0-9-cloud", "6.1.0-10-cloud", "6.1.0-010-rt", "6.12.107+deb12", "6.12.117+deb12", "10.0"}
	got := slices.Clone(sorted)
	slices.Reverse(got)
	slices.SortFunc(got, compareReleases)
	if !slices.Equal(got, sorted) {
		t.Errorf("sorted: %v", got)
	}
}

// FuzzParseImage gives the parts of an image that say something. All else of the
// 32 KiB is zero, so that an input is small: Go makes one smaller byte by byte.
func FuzzParseImage(f *testing.F) {
	good := bzImage("6.1.0")
	f.Add([]byte{}, good[0x1f1:0x240], []byte("6.1.0 (builder@host)\x00"), true)
	f.Add([]byte("MZ"), []byte{}, []byte("PE\x00\x00\x64\xaa"), false)
	f.Add([]byte("\x7fELF"), []byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, start, setup, text []byte, terminated bool) {
		b := make([]byte, 0x240, headerSize)
		copy(b, start[:min(len(start), 0x40)])
		copy(b[0x1f1:], setup)
		// Where the header says that the version is, if that is not too far.
		at := int(binary.LittleEndian.Uint16(b[0x20e:])) + 0x200
		b = b[:min(max(at, len(b)), headerSize)]
		b = append(b, text...)
		if terminated {
			b = append(b, 0)
		}
		img, err := parseImage(b)
		if err == nil && (img.release == "" || strings.ContainsAny(img.release, "/ \x00\n")) {
			t.Errorf("release %q", img.release)
		}
		// Cut anywhere, it is an error or says the same.
		if cut, cutErr := parseImage(b[:len(b)-len(text)/2]); cutErr == nil && err == nil && cut.release != img.release {
			t.Errorf("cut, it is release %q, and was %q", cut.release, img.release)
		}
	})
}
