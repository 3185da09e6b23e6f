package kernel

import (
	"bytes"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ReadModuleFile returns the module in the file path as the kernel loads it, decompressed
// as the suffix of the file says.
func ReadModuleFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	suffix := filepath.Ext(path)
	if suffix == ".ko" {
		suffix = ""
	}
	r, err := decompress(f, suffix)
	if errors.Is(err, errCompression) {
		return nil, fmt.Errorf("%s: its name ends in none of .ko, .ko.xz, .ko.zst and .ko.gz", path)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	defer r.Close()
	ko, err := io.ReadAll(io.LimitReader(r, moduleLimit))
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", path, err)
	}
	return ko, nil
}

// Modinfo returns what a module says about itself, as modinfo(8) prints it: its name, the
// kernel that it is for (vermagic), a hash of its sources (srcversion), and the modules
// that it uses (depends: separated by commas, without those that are built in). Of a field
// that there is several times, the first counts.
func Modinfo(ko []byte) (map[string]string, error) {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no section .modinfo")
	}
	text, err := section.Data()
	if err != nil {
		return nil, err
	}
	info := map[string]string{}
	for field := range strings.SplitSeq(string(text), "\x00") {
		name, value, ok := strings.Cut(field, "=")
		if _, again := info[name]; ok && !again {
			info[name] = value
		}
	}
	return info, nil
}

// BuildID returns the build ID that the linker gave a module, in hexadecimal; "" if it has
// none.
func BuildID(ko []byte) string {
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		return ""
	}
	section := f.Section(".note.gnu.build-id")
	if section == nil {
		return ""
	}
	note, err := section.Data()
	if err != nil {
		return ""
	}
	return NoteID(note)
}

// NoteID returns the build ID in an ELF note of GNU, as the kernel shows that of a loaded
// module in /sys/module/NAME/notes/.note.gnu.build-id; "" if it is none.
func NoteID(note []byte) string {
	const header = 16 // the sizes of name and description, the type, and "GNU"
	if len(note) <= header || string(note[12:16]) != "GNU\x00" {
		return ""
	}
	return hex.EncodeToString(note[header:])
}
