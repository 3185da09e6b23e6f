package bpf

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/link"
)

// The functions of drivers/net/tun.c whose returns are looked at.
const (
	FuncXmit  = "tun_net_xmit"
	FuncRead  = "tun_do_read"
	FuncWrite = "tun_get_user"
)

var (
	// calls are the functions in the order of enum call.
	calls = [...]string{FuncXmit, FuncRead, FuncWrite}
	// noteMaps hold a note for each call whose return a kretprobe has not seen.
	noteMaps = map[string]string{
		FuncXmit: tunobsMapXmitTasks, FuncRead: tunobsMapReadTasks, FuncWrite: tunobsMapWriteTasks,
	}
)

// missedBy is how often the program of a kprobe was not run, as far as its link
// tells: since Linux 6.7 (commit 3acf8ace6823). That of a kretprobe would
// count the calls of all devices; notes tell apart those of the target.
func missedBy(p Program, l link.Link) uint64 {
	if p.Kind != "kprobe" {
		return 0
	}
	info, err := l.Info()
	if err != nil || info.PerfEvent() == nil {
		return 0
	}
	if kprobe := info.PerfEvent().Kprobe(); kprobe != nil {
		return kprobe.Missed
	}
	return 0
}

func notesLeft(r readerAt, size int) (left uint64, err error) {
	buf := make([]byte, size)
	if _, err := r.ReadAt(buf, 0); err != nil {
		return 0, fmt.Errorf("read the notes of calls: %w", err)
	}
	for ; len(buf) >= 8; buf = buf[8:] {
		if binary.NativeEndian.Uint64(buf) != 0 {
			left++
		}
	}
	return left, nil
}
