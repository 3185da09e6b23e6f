package bpf

import (
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/link"
)

// The functions of drivers/net/tun.c whose returns are counted.
const (
	FuncXmit  = "tun_net_xmit"
	FuncRead  = "tun_do_read"
	FuncWrite = "tun_get_user"
)

var (
	// calls are the functions in the order of enum call.
	calls = [...]string{FuncXmit, FuncRead, FuncWrite}
	// noteMaps hold a note for each call whose return no kretprobe has seen.
	noteMaps = map[string]string{
		FuncXmit: tunobsMapXmitTasks, FuncRead: tunobsMapReadTasks, FuncWrite: tunobsMapWriteTasks,
	}
)

// missedBy is how often the program of a kprobe did not run, by its link: since
// Linux 6.7 (commit 3acf8ace6823). The count of a kretprobe would include the
// calls of all devices; the notes are those of the target only.
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
