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

// MissedRuns is how often the kernel did not run a program: because it was
// already running on that CPU, or because a kprobe was hit inside another one.
// Above 0, counters are low by that much. The returns that kretprobes do not
// see are in Snapshot.Lost.
func (o *Observer) MissedRuns() (uint64, error) {
	var sum uint64
	for i, p := range o.programs {
		n, err := o.missedRuns(i, p)
		if err != nil {
			return 0, err
		}
		if p.Kind != "kretprobe" {
			sum += n
		}
	}
	return sum, nil
}

func (o *Observer) missedRuns(i int, p Program) (uint64, error) {
	stats, err := o.coll.Programs[p.Name].Stats()
	if err != nil {
		return 0, fmt.Errorf("ask for the statistics of program %s: %w", p.Name, err)
	}
	n := stats.RecursionMisses + o.missed[p.Name]
	if i < len(o.links) {
		n += missedBy(p, o.links[i])
	}
	return n, nil
}

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

// addLost completes Lost: the notes that are left, and the calls for which a
// program of the function did not run.
func (o *Observer) addLost(s *Snapshot) error {
	for function, notes := range o.notes {
		left, err := notesLeft(notes, int(notes.Size()))
		if err != nil {
			return err
		}
		if left > 0 {
			s.Lost[function] += left
		}
	}
	for i, p := range o.programs {
		if p.Kind != "kprobe" && p.Kind != "fexit" { // a kretprobe that did not run leaves the note
			continue
		}
		n, err := o.missedRuns(i, p)
		if err != nil {
			return err
		}
		if n > 0 {
			s.Lost[p.Target] += n
		}
	}
	return nil
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
