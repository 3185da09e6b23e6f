package watch

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
)

// Namespace is a network namespace of the host.
type Namespace struct {
	Inode uint32
	Name  string // under /run/netns; "" if it has none
	PIDs  []int  // of the processes whose first thread is in it, sorted
	path  string // of a file by which it can be joined
}

// String names the namespace as --netns takes it.
func (n Namespace) String() string {
	switch {
	case n.Name != "":
		return n.Name
	case len(n.PIDs) > 0:
		return fmt.Sprintf("pid %d", n.PIDs[0])
	}
	return n.path // of a thread, or of a descriptor
}

// join enters the namespace. The error wraps os.ErrNotExist where another or none is at its path
// by now: a process has ended, or what was mounted there is gone.
func (n Namespace) join() (*netns.NS, error) {
	ns, err := netns.Join(n.path)
	if inode, ok := netnsInode(n.path); ok && inode == n.Inode {
		return ns, err
	}
	if err == nil {
		err = ns.Close()
	}
	return nil, errors.Join(fmt.Errorf("join network namespace %s: %w since it was found", n, os.ErrNotExist), err)
}

// tuns are the namespace's TUN/TAP devices. The errors are those of join.
func (n Namespace) tuns() (list []netns.Tun, err error) {
	ns, err := n.join()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ns.Close()) }()
	return ns.Tuns()
}

// named are the folders in which programs keep namespaces by name: ip-netns(8), and
// Docker.
var named = []string{"/run/netns", "/run/docker/netns"}

// namespaces finds those of the host, by their inode: that of each thread, those with a
// name, and those that a descriptor keeps.
func namespaces() map[uint32]Namespace {
	found := map[uint32]Namespace{}
	for _, folder := range named {
		files, _ := os.ReadDir(folder)
		for _, f := range files {
			path := filepath.Join(folder, f.Name())
			if inode, ok := netnsInode(path); ok {
				add(found, Namespace{Inode: inode, Name: f.Name(), path: path})
			}
		}
	}
	for _, pid := range pids() {
		// A thread may be elsewhere than its process.
		paths, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/ns/net", pid))
		for _, path := range paths {
			inode, ok := linkedNetns(path)
			if !ok {
				continue
			}
			n := Namespace{Inode: inode, path: path}
			if filepath.Base(filepath.Dir(filepath.Dir(path))) == strconv.Itoa(pid) {
				n.PIDs = []int{pid}
			}
			add(found, n)
		}
		for _, path := range descriptors(pid) {
			if inode, ok := linkedNetns(path); ok {
				add(found, Namespace{Inode: inode, path: path})
			}
		}
	}
	return found
}

func add(found map[uint32]Namespace, n Namespace) {
	old, ok := found[n.Inode]
	if !ok {
		found[n.Inode] = n
		return
	}
	old.Name = cmp.Or(old.Name, n.Name)
	for _, pid := range n.PIDs {
		if !slices.Contains(old.PIDs, pid) {
			old.PIDs = append(old.PIDs, pid)
		}
	}
	found[n.Inode] = old
}

// netnsInode is the inode of the namespace that is mounted at path.
func netnsInode(path string) (uint32, bool) {
	var fs unix.Statfs_t
	var st unix.Stat_t
	if unix.Statfs(path, &fs) != nil || fs.Type != unix.NSFS_MAGIC || unix.Stat(path, &st) != nil {
		return 0, false
	}
	return uint32(st.Ino), true
}

// linkedNetns is the inode of the namespace to which a link of /proc leads.
func linkedNetns(path string) (uint32, bool) {
	link, err := os.Readlink(path)
	if err != nil {
		return 0, false
	}
	number, ok := strings.CutPrefix(link, "net:[")
	if !ok {
		return 0, false
	}
	inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
	return uint32(inode), err == nil
}

// pids lists the processes, sorted.
func pids() (list []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return list
}

// descriptors are the paths of a process's descriptors in /proc; none if it has ended or
// may not be looked at.
func descriptors(pid int) (paths []string) {
	folder := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		paths = append(paths, filepath.Join(folder, e.Name()))
	}
	return paths
}

// choose finds the namespace that asked names: by its name, by the path of a file, or by a
// process in it.
func choose(asked string, all map[uint32]Namespace) (Namespace, error) {
	for _, n := range slices.SortedFunc(maps.Values(all), byInode) {
		if n.Name != "" && n.Name == asked {
			return n, nil
		}
	}
	if pid, err := strconv.Atoi(strings.TrimPrefix(asked, "pid ")); err == nil {
		path := fmt.Sprintf("/proc/%d/ns/net", pid)
		inode, ok := linkedNetns(path)
		if !ok {
			return Namespace{}, fmt.Errorf("network namespace %q: no process has the number %d, or it may not be looked at", asked, pid)
		}
		return all[inode], nil
	}
	if inode, ok := netnsInode(asked); ok {
		n := all[inode]
		n.Inode, n.path = inode, asked
		return n, nil
	}
	return Namespace{}, &missingNetnsError{asked}
}

// missingNetnsError means that no network namespace has the name or the path that was asked
// for. It may come; that of a process that has ended cannot.
type missingNetnsError struct{ asked string }

func (e *missingNetnsError) Error() string {
	return fmt.Sprintf("network namespace %q: it is no name in %s, no number of a process and no file of a network namespace (tunbench watch lists them; --wait waits for it)",
		e.asked, strings.Join(named, " or "))
}

func byInode(a, b Namespace) int { return cmp.Compare(a.Inode, b.Inode) }
