// Package moduletest makes files that look like kernel modules, for tests.
package moduletest

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// KO is an object file that says the fields about itself, each "name=value", and has the
// build ID, if that is not "".
func KO(buildID string, fields ...string) []byte {
	sections := []struct {
		name string
		body string
	}{{".modinfo", strings.Join(fields, "\x00") + "\x00"}}
	if buildID != "" {
		sections = append(sections, struct{ name, body string }{".note.gnu.build-id", string(Note(buildID))})
	}
	names := "\x00"
	offset := 64 // behind the header
	var body, table bytes.Buffer
	put := func(w *bytes.Buffer, values ...any) {
		for _, v := range values {
			_ = binary.Write(w, binary.LittleEndian, v) // a buffer takes all
		}
	}
	section := func(name, kind uint32, offset, size int) {
		put(&table, name, kind, uint64(0), uint64(0), uint64(offset), uint64(size), uint32(0), uint32(0), uint64(1), uint64(0))
	}
	section(0, 0, 0, 0)
	for _, s := range sections {
		section(uint32(len(names)), 1, offset+body.Len(), len(s.body))
		names += s.name + "\x00"
		body.WriteString(s.body)
	}
	strtab := uint32(len(names))
	names += ".shstrtab\x00"
	section(strtab, 3, offset+body.Len(), len(names))
	body.WriteString(names)
	count := uint16(len(sections) + 2)

	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01")
	b.Write(make([]byte, 9))
	put(&b, uint16(1), uint16(62), uint32(1), uint64(0), uint64(0), uint64(offset+body.Len()), uint32(0), uint16(64), uint16(0), uint16(0), uint16(64), count, count-1)
	b.Write(body.Bytes())
	b.Write(table.Bytes())
	return b.Bytes()
}

// Note is an ELF note that holds a build ID.
func Note(id string) []byte {
	var b bytes.Buffer
	for _, v := range []uint32{4, uint32(len(id)), 3} {
		_ = binary.Write(&b, binary.LittleEndian, v) // a buffer takes all
	}
	b.WriteString("GNU\x00" + id)
	return b.Bytes()
}

// TUN is a build of TUN for that kernel.
func TUN(release, srcversion string) []byte {
	return KO("", "license=GPL", "srcversion="+srcversion, "depends=", "name=tun", "vermagic="+release+" SMP preempt mod_unload modversions ")
}
