package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// image is what a kernel image says about itself.
type image struct {
	release string // as uname -r
	arch    string // as GOARCH
	length  int64  // least length of the file in bytes; a signature may follow
	packing packing
}

// headerSize is the part of an image, in bytes, that identifies it: the real-mode
// setup code of a bzImage, which holds the version, has at most 64 sectors.
const headerSize = 32 << 10

// readImage reads the kernel image at path, which must be a bzImage for amd64, or for
// arm64 an Image, one that was compressed with gzip, or vmlinuz.efi.
func readImage(path string) (image, error) {
	f, err := os.Open(path)
	if err != nil {
		return image{}, fmt.Errorf("open kernel: %w", err)
	}
	defer f.Close()
	header := make([]byte, headerSize)
	n, err := io.ReadFull(f, header)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return image{}, fmt.Errorf("read kernel: %w", err)
	}
	img, err := parseImage(header[:n])
	if err == nil && img.arch == "arm64" {
		img.release, err = arm64Release(f, img.packing)
	}
	if err != nil {
		return image{}, fmt.Errorf("kernel %s: %w", path, err)
	}
	st, err := f.Stat()
	if err != nil {
		return image{}, fmt.Errorf("read kernel: %w", err)
	}
	if st.Size() < img.length {
		return image{}, fmt.Errorf("kernel %s: the file is cut: it has %d bytes, and its header says %d; copy or download it again", path, st.Size(), img.length)
	}
	return img, nil
}

// parseImage reads the header of an image. The offsets of a bzImage are those
// of Documentation/arch/x86/boot.rst. The header of an arm64 image names no release,
// which arm64Release finds.
func parseImage(b []byte) (image, error) {
	at := func(offset int, magic string) bool {
		return len(b) >= offset+len(magic) && string(b[offset:offset+len(magic)]) == magic
	}
	if at(0x1fe, "\x55\xaa") && at(0x202, "HdrS") && len(b) > 0x238 {
		if protocol := binary.LittleEndian.Uint16(b[0x206:]); protocol < 0x020c || b[0x236]&1 == 0 {
			return image{}, errors.New("this is a 32-bit kernel; one for amd64 or arm64 is needed")
		}
		start := int(binary.LittleEndian.Uint16(b[0x20e:])) + 0x200
		if start == 0x200 || start >= len(b) {
			return image{}, errors.New("the header names no version")
		}
		text, _, ok := bytes.Cut(b[start:], []byte{0})
		release, _, _ := strings.Cut(string(text), " ")
		if !ok || release == "" || !printable(release) {
			return image{}, errors.New("the header's version cannot be read")
		}
		// The setup code has that many sectors beside the first one, and the rest
		// of the kernel so many paragraphs of 16 bytes.
		sectors := int64(b[0x1f1])
		if sectors == 0 {
			sectors = 4
		}
		length := (sectors+1)*512 + 16*int64(binary.LittleEndian.Uint32(b[0x1f4:]))
		return image{release: release, arch: "amd64", length: length}, nil
	}

	switch {
	case at(0x38, arm64Magic):
		return image{arch: "arm64", length: sectionsEnd(b)}, nil
	case at(4, "zimg") && efiMachine(b) == 0xaa64:
		return parseZboot(b)
	case at(0, "\x1f\x8b"):
		return image{arch: "arm64", packing: packing{suffix: ".gz"}}, nil // or of riscv64, which shows when it is unpacked
	case efiMachine(b) == 0xaa64:
		return image{}, errors.New("this is an EFI program for arm64 and neither Image, Image.gz nor vmlinuz.efi")
	case at(0x38, "RSC\x05"), efiMachine(b) == 0x5064:
		return image{}, errors.New("this is a riscv64 image; one for amd64 or arm64 is needed")
	case at(0, "\x7fELF"):
		return image{}, errors.New("this is an ELF file (vmlinux?); in a build tree the kernel is arch/x86/boot/bzImage or arch/arm64/boot/Image, in a package vmlinuz")
	case at(0, "\xed\xab\xee\xdb"):
		return image{}, errors.New("this is an RPM package: unpack it and the one with its modules into one folder (rpm2cpio FILE | cpio -idm), and give that folder")
	case at(0, "\x28\xb5\x2f\xfd"), at(0, "\xfd7zXZ\x00"):
		return image{}, errors.New("this is a compressed file, perhaps a package: unpack it (tar -xf FILE), and give the folder that it was unpacked into")
	case len(b) == 0:
		return image{}, errors.New("the file is empty")
	}
	return image{}, errors.New("this is neither a bzImage nor an arm64 Image")
}

// efiMachine returns the machine in the PE header of an image that EFI can start, or 0.
func efiMachine(b []byte) uint16 {
	if len(b) < 0x40 || string(b[:2]) != "MZ" {
		return 0
	}
	pe := int64(binary.LittleEndian.Uint32(b[0x3c:]))
	if pe+6 > int64(len(b)) || string(b[pe:pe+4]) != "PE\x00\x00" {
		return 0
	}
	return binary.LittleEndian.Uint16(b[pe+4:])
}

func printable(s string) bool {
	for _, c := range s {
		if c <= ' ' || c > '~' || c == '/' {
			return false
		}
	}
	return true
}
