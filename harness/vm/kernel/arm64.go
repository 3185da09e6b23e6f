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

// arm64Magic stands at 0x38 of an uncompressed image (Documentation/arch/arm64/booting.rst).
const arm64Magic = "ARM\x64"

// arm64Limit bounds an image, in bytes unpacked.
const arm64Limit = 512 << 20

// packing is how the image that a machine starts is packed in a file. The zero value is
// an image that is not packed.
type packing struct {
	suffix         string // as in compressions
	offset, length int64  // of what is packed, in bytes; length 0: up to the end of the file
}

// parseZboot reads the header of vmlinuz.efi, which is a program that unpacks the image
// that it holds (drivers/firmware/efi/libstub/zboot-header.S).
func parseZboot(b []byte) (image, error) {
	kind, _, _ := strings.Cut(string(b[0x18:0x38]), "\x00")
	suffix, ok := map[string]string{"gzip": ".gz", "xz": ".xz", "xzkern": ".xz", "zstd": ".zst", "zstd22": ".zst"}[kind]
	if !ok {
		return image{}, fmt.Errorf("vmlinuz.efi is packed with %q, which cannot be read here: give arch/arm64/boot/Image", kind)
	}
	p := packing{suffix, int64(binary.LittleEndian.Uint32(b[8:])), int64(binary.LittleEndian.Uint32(b[12:]))}
	if p.offset == 0 || p.length == 0 {
		return image{}, errors.New("the header of vmlinuz.efi does not say where its image is")
	}
	return image{arch: "arm64", length: p.offset + p.length, packing: p}, nil
}

// sectionsEnd returns where the last section of an image ends, in bytes, or 0 if the
// image has no PE header: only EFI needs one, and the header of the image itself gives
// its size in memory.
func sectionsEnd(b []byte) (end int64) {
	if efiMachine(b) == 0 {
		return 0
	}
	const headerLength, sectionLength = 24, 40
	pe := int(binary.LittleEndian.Uint32(b[0x3c:]))
	if pe+headerLength > len(b) {
		return 0
	}
	at := pe + headerLength + int(binary.LittleEndian.Uint16(b[pe+20:]))
	for range binary.LittleEndian.Uint16(b[pe+6:]) {
		if at+sectionLength > len(b) {
			return 0
		}
		size, offset := binary.LittleEndian.Uint32(b[at+16:]), binary.LittleEndian.Uint32(b[at+20:])
		end = max(end, int64(offset)+int64(size))
		at += sectionLength
	}
	return end
}

// arm64Release finds the release in the image that is packed in f, which has it in the
// line that the kernel prints first (linux_banner of init/version-timestamp.c).
func arm64Release(f *os.File, p packing) (string, error) {
	r, err := p.open(f)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, arm64Limit))
	switch {
	case err != nil && p != packing{}:
		return "", fmt.Errorf("unpack the image: %w", err)
	case err != nil:
		return "", fmt.Errorf("read the image: %w", err)
	case len(b) < 0x40 || string(b[0x38:0x3c]) != arm64Magic:
		return "", errors.New("the compressed file holds no arm64 Image")
	}
	const banner = "Linux version "
	for rest := b; ; {
		_, after, ok := bytes.Cut(rest, []byte(banner))
		if !ok {
			return "", errors.New("the image names no version")
		}
		// The format of the banner is there, too.
		text := after[:min(len(after), 128)]
		if release, _, ok := strings.Cut(string(text), " "); ok && release != "" && digit(release[0]) && printable(release) {
			return release, nil
		}
		rest = after
	}
}

// open returns a reader of the image that is packed in f.
func (p packing) open(f *os.File) (io.ReadCloser, error) {
	length := p.length
	if length == 0 {
		length = arm64Limit
	}
	r, err := decompress(io.NewSectionReader(f, p.offset, length), p.suffix)
	if err != nil {
		return nil, fmt.Errorf("unpack the image: %w", err)
	}
	return r, nil
}
