package watch

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/tuntap"
)

// Owner is a descriptor of a queue, and the process that has it.
type Owner struct {
	PID   int
	Comm  string
	FD    int
	Queue int      // -1: detached, or not known
	Vhost []Worker // threads of vhost that work for the process
}

// Worker is a thread of vhost-net, which moves packets inside the kernel.
type Worker struct {
	TID  int
	Comm string
}

// held is a device by what its descriptors tell.
type held struct {
	Owner
	name    string // of the device
	ifindex int    // 0: not known
	netns   uint32 // inode; 0: not known
}

// holders lists the descriptors of all queues of the host. Where the kernel cannot tell
// (missing says why), /proc shows names of devices, and numbers of queues are not
// known.
func holders() (list []held, missing error) {
	found, err := bpf.Holders()
	if err != nil {
		return holdersByProc(), err
	}
	for _, h := range found {
		list = append(list, held{
			Owner: Owner{PID: h.PID, Comm: comm(h.PID), FD: h.FD, Queue: h.Queue},
			name:  h.Name, ifindex: h.Ifindex, netns: h.Netns,
		})
	}
	return list, nil
}

func holdersByProc() (list []held) {
	for _, pid := range pids() {
		for _, path := range descriptors(pid) {
			fd, err := strconv.Atoi(filepath.Base(path))
			if err != nil {
				continue
			}
			name, ok := deviceOf(pid, fd)
			if !ok {
				continue
			}
			h := held{Owner: Owner{PID: pid, Comm: comm(pid), FD: fd, Queue: -1}, name: name}
			// Without Linux 5.6, 5.2 or the right to it, the namespace of the process is the best
			// guess.
			if ns, _, err := ask(pid, fd); err == nil {
				h.netns = ns
			} else if ns, ok := linkedNetns(fmt.Sprintf("/proc/%d/ns/net", pid)); ok {
				h.netns = ns
			}
			list = append(list, h)
		}
	}
	return list
}

// deviceOf is the device of which a descriptor holds a queue.
func deviceOf(pid, fd int) (name string, ok bool) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd))
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(info)) {
		if name, ok := strings.CutPrefix(line, "iff:"); ok {
			return strings.TrimSpace(name), strings.TrimSpace(name) != ""
		}
	}
	return "", false
}

// ask asks a copy of another process's descriptor, by which nothing changes for that
// process. It needs Linux 5.6 and the right to trace the process.
func ask(pid, fd int) (netns uint32, f tuntap.Foreign, err error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, f, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(process)
	descriptor, err := unix.PidfdGetfd(process, fd, 0)
	if err != nil {
		return 0, f, fmt.Errorf("pidfd_getfd: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Close(descriptor)) }()
	ns, err := tuntap.NetnsOf(descriptor)
	if err != nil {
		return 0, f, err
	}
	defer unix.Close(ns)
	var st unix.Stat_t
	if err := unix.Fstat(ns, &st); err != nil {
		return 0, f, fmt.Errorf("stat network namespace: %w", err)
	}
	f, err = tuntap.Look(descriptor)
	return uint32(st.Ino), f, err
}

func comm(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(b))
}

// vhostWorkers finds the threads of vhost by the process for which they work, whose number
// is in their name. They are threads of that process since Linux 6.4, and before that
// processes of the kernel.
func vhostWorkers() map[int][]Worker {
	found := map[int][]Worker{}
	comms, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*/comm")
	for _, path := range comms {
		b, err := os.ReadFile(path)
		name := strings.TrimSpace(string(b))
		number, ok := strings.CutPrefix(name, "vhost-")
		owner, notNumber := strconv.Atoi(number)
		tid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && ok && notNumber == nil {
			found[owner] = append(found[owner], Worker{tid, name})
		}
	}
	return found
}

func byQueue(a, b Owner) int {
	return cmp.Or(cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.PID, b.PID), cmp.Compare(a.FD, b.FD))
}

func sortOwners(list []Owner) { slices.SortFunc(list, byQueue) }
