package uring

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"
)

// mirrored is what this package believes of include/uapi/linux/io_uring.h, as C
// expressions. Sizes and offsets have not changed since Linux 5.19; what came
// later than an installed header is asked for only if that has it.
func mirrored() []mirror {
	var (
		s SQE
		c CQE
		p params
		q sqOffsets
		k cqOffsets
		g groupBuffer
		r groupRegister
	)
	size := func(name string, v uintptr) mirror {
		return mirror{"sizeof(struct " + name + ")", uint64(v), ""}
	}
	at := func(name, member string, v uintptr) mirror {
		return mirror{"offsetof(struct " + name + ", " + member + ")", uint64(v), ""}
	}
	is := func(name string, v uint64) mirror { return mirror{name, v, ""} }
	return []mirror{
		size("io_uring_sqe", unsafe.Sizeof(s)), at("io_uring_sqe", "opcode", unsafe.Offsetof(s.Opcode)),
		at("io_uring_sqe", "flags", unsafe.Offsetof(s.Flags)), at("io_uring_sqe", "ioprio", unsafe.Offsetof(s.ioprio)),
		at("io_uring_sqe", "fd", unsafe.Offsetof(s.FD)), at("io_uring_sqe", "off", unsafe.Offsetof(s.Off)),
		at("io_uring_sqe", "addr", unsafe.Offsetof(s.Addr)), at("io_uring_sqe", "len", unsafe.Offsetof(s.Len)),
		at("io_uring_sqe", "rw_flags", unsafe.Offsetof(s.OpFlags)), at("io_uring_sqe", "cancel_flags", unsafe.Offsetof(s.OpFlags)),
		at("io_uring_sqe", "user_data", unsafe.Offsetof(s.Data)), at("io_uring_sqe", "buf_index", unsafe.Offsetof(s.Buf)),
		at("io_uring_sqe", "buf_group", unsafe.Offsetof(s.Buf)), at("io_uring_sqe", "personality", unsafe.Offsetof(s.person)),
		at("io_uring_sqe", "splice_fd_in", unsafe.Offsetof(s.file)),

		size("io_uring_cqe", unsafe.Sizeof(c)), at("io_uring_cqe", "user_data", unsafe.Offsetof(c.Data)),
		at("io_uring_cqe", "res", unsafe.Offsetof(c.Res)), at("io_uring_cqe", "flags", unsafe.Offsetof(c.Flags)),

		size("io_uring_params", unsafe.Sizeof(p)), at("io_uring_params", "sq_entries", unsafe.Offsetof(p.sqEntries)),
		at("io_uring_params", "cq_entries", unsafe.Offsetof(p.cqEntries)), at("io_uring_params", "flags", unsafe.Offsetof(p.flags)),
		at("io_uring_params", "features", unsafe.Offsetof(p.features)), at("io_uring_params", "wq_fd", unsafe.Offsetof(p.wqFD)),
		at("io_uring_params", "sq_off", unsafe.Offsetof(p.sq)), at("io_uring_params", "cq_off", unsafe.Offsetof(p.cq)),

		size("io_sqring_offsets", unsafe.Sizeof(q)), at("io_sqring_offsets", "head", unsafe.Offsetof(q.head)),
		at("io_sqring_offsets", "tail", unsafe.Offsetof(q.tail)), at("io_sqring_offsets", "array", unsafe.Offsetof(q.array)),
		size("io_cqring_offsets", unsafe.Sizeof(k)), at("io_cqring_offsets", "head", unsafe.Offsetof(k.head)),
		at("io_cqring_offsets", "tail", unsafe.Offsetof(k.tail)), at("io_cqring_offsets", "overflow", unsafe.Offsetof(k.overflow)),
		at("io_cqring_offsets", "cqes", unsafe.Offsetof(k.cqes)),

		size("io_uring_buf", unsafe.Sizeof(g)), at("io_uring_buf", "addr", unsafe.Offsetof(g.addr)),
		at("io_uring_buf", "len", unsafe.Offsetof(g.len)), at("io_uring_buf", "bid", unsafe.Offsetof(g.bid)),
		at("io_uring_buf_ring", "tail", unsafe.Offsetof(g.resv)),
		size("io_uring_buf_reg", unsafe.Sizeof(r)), at("io_uring_buf_reg", "ring_addr", unsafe.Offsetof(r.addr)),
		at("io_uring_buf_reg", "ring_entries", unsafe.Offsetof(r.entries)), at("io_uring_buf_reg", "bgid", unsafe.Offsetof(r.group)),

		is("IORING_OP_READ_FIXED", opReadFixed), is("IORING_OP_WRITE_FIXED", opWriteFixed),
		is("IORING_OP_ASYNC_CANCEL", opCancel), is("IORING_OP_READ", opRead), is("IORING_OP_WRITE", opWrite),
		{"IORING_OP_READ_MULTISHOT", opReadMultishot, "IORING_OP_READ_MULTISHOT"},
		is("IOSQE_FIXED_FILE", FixedFile), is("IOSQE_IO_LINK", Link), is("IOSQE_IO_HARDLINK", HardLink), is("IOSQE_BUFFER_SELECT", bufferSelect),
		is("IORING_ASYNC_CANCEL_ALL", cancelAll), is("IORING_ASYNC_CANCEL_ANY", cancelAny),
		is("IORING_CQE_F_BUFFER", hasBuffer), is("IORING_CQE_F_MORE", more), is("IORING_CQE_BUFFER_SHIFT", bufferShift),
		is("IORING_SETUP_CQSIZE", setupCQSize), is("IORING_SETUP_R_DISABLED", setupDisabled),
		is("IORING_SETUP_SUBMIT_ALL", setupSubmitAll), is("IORING_SETUP_COOP_TASKRUN", setupCoopTaskrun),
		is("IORING_SETUP_SINGLE_ISSUER", setupSingleIssuer), is("IORING_SETUP_DEFER_TASKRUN", setupDeferTaskrun),
		is("IORING_FEAT_SINGLE_MMAP", featSingleMmap), is("IORING_FEAT_NODROP", featNoDrop), is("IORING_FEAT_FAST_POLL", featFastPoll),
		is("IORING_ENTER_GETEVENTS", enterGetEvents),
		is("IORING_REGISTER_BUFFERS", registerBuffers),
		is("IORING_REGISTER_FILES", registerFiles), is("IORING_UNREGISTER_FILES", unregisterFiles),
		is("IORING_REGISTER_ENABLE_RINGS", registerEnable),
		is("IORING_REGISTER_PBUF_RING", registerBufferRing), is("IORING_UNREGISTER_PBUF_RING", unregisterBufferRing),
		is("IORING_OFF_SQ_RING", offRings), is("IORING_OFF_SQES", offSQEs),
		is("RWF_NOWAIT", NoWait),
	}
}

// mirror is a C expression and its value here. Since, if not "", is a name that
// the header must hold.
type mirror struct {
	expression string
	value      uint64
	since      string
}

// TestMirrorsTheKernel compiles every size, offset and number against the
// installed header.
func TestMirrorsTheKernel(t *testing.T) {
	const header = "/usr/include/linux/io_uring.h"
	lack := t.Skipf
	if os.Getenv("CI") == "true" {
		lack = t.Fatalf
	}
	cc, err := exec.LookPath("cc")
	if err != nil {
		lack("needs a C compiler: %v", err)
	}
	text, err := os.ReadFile(header)
	if err != nil {
		lack("needs the kernel's headers: %v", err)
	}
	if !bytes.Contains(text, []byte("IORING_SETUP_DEFER_TASKRUN")) {
		lack("%s is older than Linux 6.1", header)
	}
	var program strings.Builder
	program.WriteString("#include <stddef.h>\n#include <stdio.h>\n#include <linux/io_uring.h>\nint main(void) {\n")
	var asked []mirror
	for _, m := range mirrored() {
		if m.since != "" && !bytes.Contains(text, []byte(m.since)) {
			t.Logf("%s has no %s", header, m.since)
			continue
		}
		asked = append(asked, m)
		fmt.Fprintf(&program, "\tprintf(\"%%llu\\n\", (unsigned long long)(%s));\n", m.expression)
	}
	program.WriteString("\treturn 0;\n}\n")
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "mirror.c"), filepath.Join(dir, "mirror")
	if err := os.WriteFile(source, []byte(program.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v: %s", err, out)
	}
	out, err := exec.Command(binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for _, m := range asked {
		if !lines.Scan() {
			t.Fatalf("no value of %s", m.expression)
		}
		if got := lines.Text(); got != fmt.Sprint(m.value) {
			t.Errorf("%s is %s in C, %d here", m.expression, got, m.value)
		}
	}
}

// TestSizes holds the layout where there is no header to ask.
func TestSizes(t *testing.T) {
	for name, c := range map[string]struct{ got, want uintptr }{
		"SQE": {unsafe.Sizeof(SQE{}), 64}, "CQE": {unsafe.Sizeof(CQE{}), 16}, "params": {unsafe.Sizeof(params{}), 120},
		"groupBuffer": {unsafe.Sizeof(groupBuffer{}), 16}, "groupRegister": {unsafe.Sizeof(groupRegister{}), 40},
		"SQE.Data": {unsafe.Offsetof(SQE{}.Data), 32}, "SQE.Buf": {unsafe.Offsetof(SQE{}.Buf), 40},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
}
