package swap

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tunbench/harness/watch"
)

// holders says who uses TUN: who holds queues of which device, which devices are
// persistent, and who has the device file or that of vhost-net open.
func holders() (list []string) {
	devices, gaps, err := watch.Find("")
	if err != nil {
		gaps = append(gaps, err.Error())
	}
	held := map[[2]int]bool{} // by PID and descriptor
	for _, d := range devices {
		where := fmt.Sprintf("%s in %s", d.Name, d.Netns)
		if len(d.Owners) == 0 {
			list = append(list, fmt.Sprintf("%s, which nobody holds and which is persistent (ip link del %s)", where, d.Name))
		}
		seen := map[int]bool{}
		for _, o := range d.Owners {
			held[[2]int{o.PID, o.FD}] = true
			if !seen[o.PID] {
				list = append(list, fmt.Sprintf("%s, held by %s (pid %d)", where, o.Comm, o.PID))
			}
			seen[o.PID] = true
		}
	}
	for _, open := range descriptors("/dev/net/tun", "/dev/vhost-net") {
		if !held[[2]int{open.pid, open.fd}] {
			list = append(list, fmt.Sprintf("%s, opened by %s (pid %d)", open.path, open.comm, open.pid))
		}
	}
	return append(list, gaps...)
}

// descriptor is one of another process.
type descriptor struct {
	pid, fd    int
	comm, path string
}

// descriptors lists those of files with one of these paths.
func descriptors(paths ...string) (list []descriptor) {
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil {
			continue
		}
		for _, path := range paths {
			if to != path {
				continue
			}
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			fd, _ := strconv.Atoi(filepath.Base(link))
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			list = append(list, descriptor{pid, fd, strings.TrimSpace(string(comm)), path})
		}
	}
	return list
}
