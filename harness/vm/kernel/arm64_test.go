package kernel

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// arm64Image makes an Image with the header for EFI and one section.
func arm64Image(release string) []byte {
	b := make([]byte, 0x2000)
	copy(b, "MZ")
	copy(b[0x38:], arm64Magic)
	b[0x3c] = 0x40
	copy(b[0x40:], "PE\x00\x00\x64\xaa\x01")
	b[0x40+20] = 160 // the optional header
	section := b[0x40+24+160:]
	copy(section, ".text")
	binary.LittleEndian.PutUint32(section[16:], 0x1000)
	binary.LittleEndian.PutUint32(section[20:], 0x1000)
	copy(b[0x1100:], "Linux version %s (%s)\x00Linux version "+release+" (builder@host) #1 SMP\n\x00")
	return b
}

// zboot makes a vmlinuz.efi that holds packed.
func zboot(kind string, packed []byte) []byte {
	b := make([]byte, 0x100)
	copy(b, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[12:], uint32(len(packed)))
	copy(b[0x18:], kind)
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00\x64\xaa")
	return append(append(b, packed...), "behind the image"...)
}

const arm64Config = "CONFIG_ARM64=y\nCONFIG_TUN=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_SERIAL_AMBA_PL011_CONSOLE=y\nCONFIG_SERIAL_8250_PCI=y\n"

// Each form of an arm64 kernel is found, is unpacked to the same image, and brings its
// release along, which only the image itself has.
func TestFindArm64(t *testing.T) {
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	plain := arm64Image("6.12.1")
	bare := slices.Clone(plain)
	copy(bare, "\x00\x00") // CONFIG_EFI is not set
	write(t, at("Image"), plain)
	write(t, at("bare"), bare)
	write(t, at("Image.gz"), compress(t, ".gz", plain))
	write(t, at("gzip.efi"), zboot("gzip", compress(t, ".gz", plain)))
	write(t, at("xz.efi"), zboot("xz", compress(t, ".xz", plain)))
	write(t, at("zstd.efi"), zboot("zstd22", compress(t, ".zst", plain)))
	write(t, at("fedora/lib/modules/6.12.1/vmlinuz"), zboot("gzip", compress(t, ".gz", plain)))
	write(t, at("fedora/lib/modules/6.12.1/config"), []byte(arm64Config))
	write(t, at("fedora/lib/modules/6.12.1/modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	write(t, at("k.deb"), deb(t, ".xz", map[string][]byte{
		"./boot/vmlinuz-6.12.1":                  plain,
		"./boot/config-6.12.1":                   []byte(arm64Config),
		"./lib/modules/6.12.1/modules.builtin":   []byte("kernel/drivers/net/tun.ko\n"),
		"./usr/lib/linux-image-6.12.1/arm/x.dtb": nil,
	}))
	for _, tree := range []string{"tree", "both"} {
		write(t, at(tree, "Kbuild"), nil)
		write(t, at(tree, ".config"), []byte(arm64Config))
		write(t, at(tree, "arch/arm64/boot/Image"), plain)
		write(t, at(tree, "modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	}
	write(t, at("both/arch/x86/boot/bzImage"), bzImage("6.12.0"))
	for arg, packed := range map[string]bool{
		"Image": false, "bare": false, "Image.gz": true, "gzip.efi": true, "xz.efi": true, "zstd.efi": true, "fedora": true, "k.deb": false,
		"tree": false, "both": false, "tree/arch/arm64/boot/Image": false, "both/arch/arm64/boot/Image": false,
	} {
		for _, arch := range []string{"", "arm64"} {
			k, remove, err := Find(at(arg), arch)
			if err != nil {
				t.Errorf("%s: %v", arg, err)
				continue
			}
			var image bytes.Buffer
			if err := k.Unpack(&image); err != nil {
				t.Errorf("%s: %v", arg, err)
			}
			want := plain
			if arg == "bare" {
				want = bare
			}
			if k.Release != "6.12.1" || k.Arch != "arm64" || k.Packed() != packed || !bytes.Equal(image.Bytes(), want) {
				t.Errorf("%s: %+v, packed %v, an image of %d bytes", arg, k, k.Packed(), image.Len())
			}
			if err := remove(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFindArm64Refuses(t *testing.T) {
	dir := t.TempDir()
	at := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	t.Setenv("XDG_CACHE_HOME", at("cache"))
	plain := arm64Image("6.12.1")
	packed := compress(t, ".gz", plain)
	write(t, at("Image"), plain)
	write(t, at("cut"), plain[:0x1fff])
	write(t, at("cut.gz"), packed[:len(packed)-20])
	write(t, at("cut.efi"), zboot("gzip", packed)[:0x100+len(packed)-1])
	write(t, at("lzma.efi"), zboot("lzma", packed))
	write(t, at("other.gz"), compress(t, ".gz", []byte("a compressed text")))
	write(t, at("unnamed"), bytes.ReplaceAll(plain, []byte("Linux version 6"), []byte("Linux version X")))
	loader := zboot("gzip", nil)
	copy(loader[4:], "????")
	write(t, at("loader.efi"), loader)
	for name, missing := range map[string]string{"noconsole": "CONFIG_SERIAL_AMBA_PL011_CONSOLE", "noport": "CONFIG_SERIAL_8250_PCI"} {
		write(t, at(name, "vmlinuz"), plain)
		write(t, at(name, "config"), []byte(strings.ReplaceAll(arm64Config, missing+"=y\n", "")))
		write(t, at(name, "modules/modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	}
	write(t, at("amd64"), bzImage("6.1.0"))
	write(t, at("unbuilt/Kbuild"), nil)
	write(t, at("unbuilt/.config"), []byte(arm64Config))
	write(t, at("unbuilt/arch/x86/boot/bzImage"), bzImage("6.1.0"))
	write(t, at("unsure/Kbuild"), nil)
	write(t, at("unsure/arch/x86/boot/bzImage"), bzImage("6.1.0"))
	write(t, at("unsure/arch/arm64/boot/Image"), plain)
	for _, test := range []struct{ arg, arch, want string }{
		{at("cut"), "", "the file is cut: it has 8191 bytes, and its header says 8192"},
		{at("cut.gz"), "", "unpack the image: unexpected EOF"},
		{at("cut.efi"), "", "unpack the image: unexpected EOF"},
		{at("lzma.efi"), "", `packed with "lzma", which cannot be read here: give arch/arm64/boot/Image`},
		{at("other.gz"), "", "holds no arm64 Image"},
		{at("unnamed"), "", "names no version"},
		{at("loader.efi"), "", "an EFI program for arm64"},
		{at("noconsole"), "", "without a serial console: CONFIG_SERIAL_AMBA_PL011_CONSOLE is not set"},
		{at("noport"), "", "without a second serial port: CONFIG_SERIAL_8250_PCI is not set"},
		{at("amd64"), "arm64", "is for amd64, and --arch says arm64"},
		{at("Image"), "amd64", "is for arm64, and --arch says amd64"},
		{at("Image"), "arm", `--arch "arm": choose amd64 or arm64`},
		{at("unbuilt"), "", "arch/arm64/boot/Image is not built: run make Image modules"},
		{at("unsure"), "", "name one of them"},
		{"6.12", "arm64", "is empty; scripts/kernels.sh --arch arm64 fetches kernels"},
	} {
		if test.arch == runtime.GOARCH && test.arg == "6.12" {
			continue // the script needs no --arch
		}
		_, remove, err := Find(test.arg, test.arch)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.arg, err, test.want)
		}
		if err := remove(); err != nil {
			t.Error(err)
		}
	}
}

// A release means a kernel of this host's architecture, unless it names another, or
// --arch does.
func TestCachedOfArch(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", dir)
	kernels := filepath.Join(dir, "tunbench/kernels")
	for _, release := range []string{"6.12.9-cloud-amd64", "6.12.10-cloud-amd64", "6.12.8-cloud-amd64"} {
		installed(t, filepath.Join(kernels, release), release)
	}
	for _, release := range []string{"6.12.11-cloud-arm64", "6.12.12-arm64", "6.12.7-cloud-arm64"} {
		write(t, filepath.Join(kernels, release, "vmlinuz"), arm64Image(release))
		write(t, filepath.Join(kernels, release, "config"), []byte(arm64Config))
		write(t, filepath.Join(kernels, release, "modules/modules.builtin"), []byte("kernel/drivers/net/tun.ko\n"))
	}
	if err := os.MkdirAll(filepath.Join(kernels, ".fetch"), 0o777); err != nil {
		t.Fatal(err)
	}
	here := map[string]string{"amd64": "6.12.10-cloud-amd64", "arm64": "6.12.11-cloud-arm64"}
	for _, test := range []struct{ arg, arch, want string }{
		{"6.12", "amd64", "6.12.10-cloud-amd64"},
		{"6.12", "arm64", "6.12.11-cloud-arm64"},
		{"6.12", "", here[runtime.GOARCH]},
		{"6.12-cloud-arm64", "", "6.12.11-cloud-arm64"},
		{"6.12-arm64", "", "6.12.12-arm64"},
		{"6.12.7", "arm64", "6.12.7-cloud-arm64"},
		{"6.12.7-cloud-arm64", "", "6.12.7-cloud-arm64"},
		{"6.12.8-cloud-amd64", "", "6.12.8-cloud-amd64"},
		{"6.12.8-cloud-amd64", "arm64", ""},
		{"6.12.8", "arm64", ""},
	} {
		k, _, err := Find(test.arg, test.arch)
		if test.want == "" {
			if err == nil || !strings.Contains(err.Error(), "no such kernel") {
				t.Errorf("%s for %q: %v, %v", test.arg, test.arch, k, err)
			}
			continue
		}
		if err != nil || k.Release != test.want {
			t.Errorf("%s for %q: %+v, %v, want %s", test.arg, test.arch, k, err, test.want)
		}
	}
	if got := Cached("arm64"); !slices.Equal(got, []string{"6.12.7-cloud-arm64", "6.12.11-cloud-arm64", "6.12.12-arm64"}) {
		t.Errorf("cached for arm64: %v", got)
	}
	if got := Cached(""); len(got) != 6 {
		t.Errorf("cached: %v", got)
	}
}
