package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const goodConfig = "CONFIG_TUN=m\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_SERIAL_8250_CONSOLE=y\n"

// installed writes a kernel as scripts/kernels.sh does.
func installed(t *testing.T, dir, release string) {
	write(t, filepath.Join(dir, "vmlinuz"), bzImage(release))
	write(t, filepath.Join(dir, "config"), []byte(goodConfig))
	write(t, filepath.Join(dir, "modules/modules.order"), []byte("kernel/drivers/net/tun.ko\n"))
	write(t, filepath.Join(dir, "modules/kernel/drivers/net/tun.ko"), ko(""))
}

func TestFind(t *testing.T) {
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
		k, remove, err := Find(test.arg, "amd64")
		if err != nil {
			t.Errorf("%s: %v", test.arg, err)
			continue
		}
		if k.Release != test.release || k.Arch != "amd64" || k.Name != test.arg {
			t.Errorf("%s: %+v, want release %s", test.arg, k, test.release)
		}
		if test.arg != at("plain") {
			if tree, err := ReadModules(k.Modules); err != nil {
				t.Errorf("%s: %v", test.arg, err)
			} else if found, _ := tree.Has("tun"); !found {
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
	k, remove, err := Find(at("k.xz.deb"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil || exists(k.Image) {
		t.Errorf("%s is there after remove: %v", k.Image, err)
	}
}

// The layouts of Fedora, openSUSE, Arch and Ubuntu: a file, a folder and an
// unpacked tree all bring their modules along.
func TestFindLayouts(t *testing.T) {
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	link := func(to, path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
	}
	modules := func(folder, suffix string) {
		t.Helper()
		write(t, filepath.Join(folder, "modules.order"), []byte("kernel/drivers/net/tun.ko\n"))
		write(t, filepath.Join(folder, "kernel/drivers/net/tun.ko"+suffix), compress(t, suffix, ko("")))
	}
	// Fedora: the kernel twice, the configuration beside both.
	fedora := "6.17.1-300.fc43.x86_64"
	modules(at("fedora/lib/modules", fedora), ".xz")
	write(t, at("fedora/lib/modules", fedora, "vmlinuz"), bzImage(fedora))
	write(t, at("fedora/lib/modules", fedora, "config"), []byte(goodConfig))
	write(t, at("fedora/boot/vmlinuz-"+fedora), bzImage(fedora))
	// openSUSE: /boot leads to it.
	suse := "6.4.0-150600.21-default"
	modules(at("suse/usr/lib/modules", suse), ".zst")
	write(t, at("suse/usr/lib/modules", suse, "vmlinuz"), bzImage(suse))
	write(t, at("suse/usr/lib/modules", suse, "config"), []byte(goodConfig))
	link("../usr/lib/modules/"+suse+"/vmlinuz", at("suse/boot/vmlinuz-"+suse))
	link("vmlinuz-"+suse, at("suse/boot/vmlinuz"))
	link("usr/lib", at("suse/lib"))
	// Arch: no configuration.
	arch := "6.17.8-arch1-1"
	modules(at("arch/usr/lib/modules", arch), ".zst")
	write(t, at("arch/usr/lib/modules", arch, "vmlinuz"), bzImage(arch))
	// Debian, unpacked.
	debian := "6.12.117+deb12-amd64"
	modules(at("debian/lib/modules", debian), ".xz")
	write(t, at("debian/boot/vmlinuz-"+debian), bzImage(debian))
	write(t, at("debian/boot/config-"+debian), []byte(goodConfig))
	// Ubuntu: modules in packages of their own.
	ubuntu := "6.8.0-31-generic"
	write(t, at("ubuntu/linux-image-"+ubuntu+"_6.8.0-31.31_amd64.deb"), deb(t, ".zst", map[string][]byte{"./boot/vmlinuz-" + ubuntu: bzImage(ubuntu)}))
	write(t, at("ubuntu/linux-modules-"+ubuntu+"_6.8.0-31.31_amd64.deb"), deb(t, ".zst", map[string][]byte{
		"./boot/config-" + ubuntu:                                    []byte(goodConfig),
		"./lib/modules/" + ubuntu + "/modules.order":                 []byte("kernel/drivers/net/tun.ko\nkernel/drivers/net/veth.ko\n"),
		"./lib/modules/" + ubuntu + "/kernel/drivers/net/tun.ko.zst": compress(t, ".zst", ko("")),
	}))
	write(t, at("ubuntu/linux-modules-extra-"+ubuntu+"_6.8.0-31.31_amd64.deb"), deb(t, ".zst", map[string][]byte{
		"./lib/modules/" + ubuntu + "/kernel/drivers/net/veth.ko.zst": compress(t, ".zst", ko("")),
	}))
	write(t, at("ubuntu/linux-modules-6.8.0-99-generic_6.8.0-99.99_amd64.deb"), []byte("of another kernel"))
	// A build tree of its own (make O=), named by its vmlinux.
	write(t, at("out/include/config/kernel.release"), []byte("6.18.0\n"))
	write(t, at("out/.config"), []byte(goodConfig))
	write(t, at("out/vmlinux"), []byte("\x7fELF"))
	write(t, at("out/arch/x86/boot/bzImage"), bzImage("6.18.0"))
	link("../../x86/boot/bzImage", at("out/arch/x86_64/boot/bzImage"))
	write(t, at("out/modules.order"), []byte("drivers/net/tun.o\n"))
	write(t, at("out/drivers/net/tun.ko"), ko(""))
	installed(t, at("with [brackets]"), "6.5.0")

	for _, test := range []struct {
		arg, release string
		config       bool
	}{
		{at("fedora"), fedora, true},
		{at("fedora/lib/modules", fedora), fedora, true},
		{at("fedora/lib/modules"), fedora, true},
		{at("fedora/lib/modules", fedora, "vmlinuz"), fedora, true},
		{at("fedora/boot/vmlinuz-" + fedora), fedora, true},
		{at("fedora/boot"), fedora, true},
		{at("suse"), suse, true},
		{at("suse/usr/lib/modules", suse), suse, true},
		{at("suse/boot/vmlinuz-" + suse), suse, true},
		{at("suse/boot/vmlinuz"), suse, true},
		{at("arch"), arch, false},
		{at("arch/usr/lib/modules", arch), arch, false},
		{at("arch/usr/lib/modules", arch, "vmlinuz"), arch, false},
		{at("debian"), debian, true},
		{at("debian/boot/vmlinuz-" + debian), debian, true},
		{at("ubuntu/linux-image-" + ubuntu + "_6.8.0-31.31_amd64.deb"), ubuntu, true},
		{at("out"), "6.18.0", true},
		{at("out/vmlinux"), "6.18.0", true},
		{at("out/arch/x86_64/boot/bzImage"), "6.18.0", true},
		{at("with [brackets]"), "6.5.0", true},
		{at("with [brackets]/vmlinuz"), "6.5.0", true},
	} {
		k, remove, err := Find(test.arg, "amd64")
		if err != nil {
			t.Errorf("%s: %v", test.arg, err)
			continue
		}
		want := []string{"tun"}
		if k.Release == ubuntu {
			want = append(want, "veth") // of linux-modules-extra
		}
		if got, err := readAll(k.Modules, want...); err != nil || !slices.Equal(got, want) || k.Release != test.release || (k.Config != "") != test.config {
			t.Errorf("%s: %+v, modules %v, want %v; %v", test.arg, k, got, want, err)
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
	}
}

// readAll returns the names of modules and of those that they need, which it reads.
func readAll(dir string, wanted ...string) ([]string, error) {
	tree, err := ReadModules(dir)
	if err != nil {
		return nil, err
	}
	names, err := tree.Order(wanted...)
	for _, name := range names {
		if err == nil {
			_, err = tree.Read(name)
		}
	}
	return names, err
}

// newestOf chooses by series and flavour; the oldest is first.
func TestNewestOf(t *testing.T) {
	cached := []string{
		"6.1.0-55-cloud-amd64", "6.1.0-56-amd64", "6.1.0-56-cloud-amd64", "6.12.117+deb12-amd64", "6.12.117+deb12-cloud-amd64",
		"6.12.117+deb12-rt-amd64", "6.13.0-rt-amd64", "6.14.1-mine", "6.15.0-1-amd64", "6.15.0-2-rt-amd64",
	}
	for name, want := range map[string]string{
		"6.12": "6.12.117+deb12-cloud-amd64", "6.12-rt": "6.12.117+deb12-rt-amd64", "6.12-amd64": "6.12.117+deb12-amd64",
		"6.12-cloud": "6.12.117+deb12-cloud-amd64", "6.12.117+deb12": "6.12.117+deb12-cloud-amd64",
		"6.12.117+deb12-amd64": "6.12.117+deb12-amd64", "6.12.117+deb12-rt-amd64": "6.12.117+deb12-rt-amd64",
		"6.1": "6.1.0-56-cloud-amd64", "6.1-amd64": "6.1.0-56-amd64", "6.1.0-55": "6.1.0-55-cloud-amd64", "6.1.0-5": "",
		"6.13": "6.13.0-rt-amd64", "6.14": "6.14.1-mine", "6.14-rt": "", "6.1-rt": "", "6.15": "6.15.0-1-amd64", "7": "",
	} {
		if got := newestOf(cached, name, "amd64"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// The cache keeps the packages that were used last, and what is in use.
func TestEvict(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	find := func(n int) (*Kernel, func() error) {
		t.Helper()
		path := filepath.Join(dir, fmt.Sprintf("k%d.deb", n))
		if !exists(path) {
			release := fmt.Sprintf("6.1.%d", n)
			write(t, path, deb(t, ".gz", map[string][]byte{
				"./boot/vmlinuz-" + release:                     bzImage(release),
				"./lib/modules/" + release + "/modules.builtin": []byte("kernel/drivers/net/tun.ko\n"),
			}))
		}
		k, remove, err := Find(path, "")
		if err != nil {
			t.Fatal(err)
		}
		// The clock of a file system may be coarse.
		used := time.Unix(1_000_000+int64(n), 0)
		if err := os.Chtimes(filepath.Dir(k.Image), used, used); err != nil {
			t.Fatal(err)
		}
		return k, remove
	}
	var images []string
	var held func() error
	for n := range MaxPackages {
		k, remove := find(n)
		images = append(images, k.Image)
		if n == 1 {
			held = remove
		} else if err := remove(); err != nil {
			t.Fatal(err)
		}
	}
	_, remove := find(0) // the first is used again
	later := time.Unix(2_000_000, 0)
	if err := errors.Join(remove(), os.Chtimes(filepath.Dir(images[0]), later, later)); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if _, remove := find(MaxPackages + n); remove() != nil {
			t.Fatal("remove")
		}
	}
	for n, image := range images {
		if want := n != 2 && n != 3; exists(image) != want { // 1 is older, and held
			t.Errorf("package %d is there: %v, want %v", n, exists(image), want)
		}
	}
	if err := held(); err != nil {
		t.Fatal(err)
	}
	if _, remove := find(MaxPackages + 2); remove() != nil || exists(images[1]) {
		t.Error("what is no longer held stays")
	}
	left, err := os.ReadDir(filepath.Join(dir, "tunbench/packages"))
	if err != nil || len(left) != MaxPackages {
		t.Errorf("%d folders, %v, want %d", len(left), err, MaxPackages)
	}
}

func TestFindRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	riscv := make([]byte, 4096)
	copy(riscv[0x38:], "RSC\x05")
	write(t, at("riscv"), riscv)
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
	write(t, at("cut"), bzImage("6.1.0")[:0x2fff])
	write(t, at("x.rpm"), []byte("\xed\xab\xee\xdb\x03\x00"))
	write(t, at("x.pkg.tar.zst"), []byte("\x28\xb5\x2f\xfd\x00\x00"))
	write(t, at("core/lib/modules/6.1.0/vmlinuz"), bzImage("6.1.0"))
	write(t, at("core/lib/modules/6.1.0/config"), []byte(goodConfig))
	write(t, at("core/lib/modules/6.1.0/modules.builtin"), []byte("kernel/drivers/net/veth.ko\n"))
	write(t, at("lost/usr/lib/modules/6.1.0/vmlinuz"), bzImage("6.1.0"))
	write(t, at("lost/usr/lib/modules/6.1.0/config"), []byte(goodConfig))
	write(t, at("nothingbut/lib/modules/6.1.0/modules.order"), []byte("kernel/drivers/net/tun.ko\n"))
	write(t, at("image.deb"), deb(t, ".zst", map[string][]byte{"./boot/vmlinuz-6.8.0-31-generic": bzImage("6.8.0-31-generic")}))
	write(t, at("linux-modules.deb"), deb(t, ".zst", map[string][]byte{"./lib/modules/6.8.0-31-generic/modules.order": []byte("kernel/drivers/net/tun.ko\n")}))
	write(t, at("nokernel.deb"), deb(t, ".gz", map[string][]byte{"./usr/bin/x": nil}))

	for _, test := range []struct{ arg, want string }{
		{"6.1", "is empty; scripts/kernels.sh fetches kernels"},
		{"", "no such file"},
		{"./6.1", "no such file or folder"},
		{"linux.deb", "no such file or folder"},
		{at("riscv"), "riscv64 image; one for amd64 or arm64 is needed"},
		{at("i386"), "32-bit kernel"},
		{at("unnamed"), "version"},
		{at("elf"), "arch/x86/boot/bzImage"},
		{at("text"), "neither a bzImage nor an arm64 Image"},
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
		{at("cut"), "the file is cut: it has 12287 bytes, and its header says 12288"},
		{at("x.rpm"), "RPM package: unpack it"},
		{at("x.pkg.tar.zst"), "unpack it (tar -xf FILE)"},
		{at("core"), "has no TUN at hand: it is a module, and not below"},
		{at("lost"), "its modules are not at hand: give the folder that holds both"},
		{at("nothingbut"), "holds modules ("},
		{at("image.deb"), "holds kernel 6.8.0-31-generic without modules: put the package linux-modules-6.8.0-31-generic beside it"},
		{at("linux-modules.deb"), "holds modules ("},
	} {
		_, remove, err := Find(test.arg, "")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.arg, err, test.want)
		}
		if err := remove(); err != nil {
			t.Errorf("%q: remove: %v", test.arg, err)
		}
	}

	installed(t, at("cache/tunbench/kernels/6.12.1"), "6.12.1")
	if _, _, err := Find("6.1", ""); err == nil || !strings.Contains(err.Error(), "holds 6.12.1") {
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
	f.Add(arm64Image("6.1.0")[:0x40], []byte{}, []byte{}, false)
	f.Add(zboot("gzip", []byte("x"))[:0x40], []byte{}, []byte("PE\x00\x00\x64\xaa"), false)
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
		if err == nil && img.arch == "amd64" && (img.release == "" || strings.ContainsAny(img.release, "/ \x00\n")) {
			t.Errorf("release %q", img.release)
		}
		// Cut anywhere, it is an error or says the same.
		if cut, cutErr := parseImage(b[:len(b)-len(text)/2]); cutErr == nil && err == nil && cut.release != img.release {
			t.Errorf("cut, it is release %q, and was %q", cut.release, img.release)
		}
	})
}
