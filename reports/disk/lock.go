package disk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"tunbench/reports/record"
)

// Lock keeps other processes from writing a run file. The kernel releases it when the
// process ends, however it ends: no lock is left behind.
type Lock struct {
	file *os.File
	// Warning, if not "", says that the file system has no locks, so that the file is
	// not protected.
	Warning string
}

// HeldError says that another process writes a run file.
type HeldError struct {
	Path   string
	Holder string // such as "process 4711 (tunbench run --suite smoke)"
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is being written by %s: wait until that has ended, or end it", e.Path, e.Holder)
}

// Hold locks the run file at path, which must exist, until Close. If another process
// has the lock, Hold returns a *HeldError at once. Readers need no lock.
//
// The lock is that of flock(2), on a descriptor that no child inherits. On NFS it
// holds for all clients (Linux 2.6.12 and later, unless mounted with nolock or
// local_lock=flock). On a file system without locks, Writer still refuses to overwrite
// what another process appended.
func Hold(path string) (*Lock, error) {
	// NFS grants an exclusive lock only on a descriptor that is open for writing.
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("lock run file: %w", err)
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, syscall.EWOULDBLOCK):
		f.Close()
		holder := Holder(path)
		if holder == "" {
			holder = "a process of another host or container"
		}
		return nil, &HeldError{path, holder}
	default:
		return &Lock{f, fmt.Sprintf("%s cannot be locked (%v): see to it that nothing else writes there", path, err)}, nil
	}
	// The previous holder of the lock may have replaced the file meanwhile.
	held, err := f.Stat()
	if err == nil {
		var named os.FileInfo
		if named, err = os.Stat(path); err == nil && !os.SameFile(held, named) {
			err = errors.New("it was replaced meanwhile: try again")
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock run file %s: %w", path, err)
	}
	return &Lock{file: f}, nil
}

// Close releases the lock.
func (l *Lock) Close() error { return l.file.Close() }

// Holder names the process of this host that has the lock of the run file at path,
// which may also be the run's folder; "" if no such process is visible.
func Holder(path string) string {
	st, err := os.Stat(path)
	if err == nil && st.IsDir() {
		st, err = os.Stat(filepath.Join(path, record.FileName))
	}
	if err != nil {
		return ""
	}
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return ""
	}
	defer locks.Close()
	for in := bufio.NewScanner(locks); in.Scan(); {
		// 2: FLOCK  ADVISORY  WRITE 15719 fe:00:9977927 0 EOF
		f := strings.Fields(in.Text())
		if len(f) < 6 || f[1] != "FLOCK" || f[3] != "WRITE" {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err == nil && pid > 0 && sameInode(f[5], st) {
			return process(pid)
		}
	}
	return ""
}

// sameInode reports whether st is the file that /proc/locks calls by the major and
// minor number of its device, in hexadecimal, and its inode.
func sameInode(name string, st os.FileInfo) bool {
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	// As in makedev(3) of the C library.
	major := (s.Dev>>8)&0xfff | (s.Dev>>32)&^0xfff
	minor := s.Dev&0xff | (s.Dev>>12)&^0xff
	if name == fmt.Sprintf("%02x:%02x:%d", major, minor, s.Ino) {
		return true
	}
	// On btrfs and overlayfs, stat(2) and /proc/locks give different devices.
	_, inode, _ := strings.Cut(name, ":")
	_, inode, _ = strings.Cut(inode, ":")
	return major == 0 && inode == strconv.FormatUint(s.Ino, 10)
}

// process names a process of this host.
func process(pid int) string {
	name := fmt.Sprintf("process %d", pid)
	if host, err := os.Hostname(); err == nil {
		name += " on " + host
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	line = bytes.TrimRight(line, "\x00")
	if err != nil || len(line) == 0 {
		return name
	}
	command := strings.ReplaceAll(string(line), "\x00", " ")
	if strings.ContainsFunc(command, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		command = strconv.Quote(command)
	}
	if r := []rune(command); len(r) > 200 {
		command = string(r[:200]) + "..."
	}
	return fmt.Sprintf("%s (%s)", name, command)
}
