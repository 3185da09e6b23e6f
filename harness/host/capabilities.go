package host

import (
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// needed are the capabilities of a full run, and the one that also grants each.
var needed = []struct {
	name  string
	bit   int
	other int // grants the same, or -1
}{
	{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, -1}, // devices, addresses, qdiscs
	{"CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN, -1}, // a network namespace
	{"CAP_BPF", unix.CAP_BPF, unix.CAP_SYS_ADMIN},
	{"CAP_PERFMON", unix.CAP_PERFMON, unix.CAP_SYS_ADMIN},
	{"CAP_NET_RAW", unix.CAP_NET_RAW, -1}, // packet sockets
}

// InitialUserNamespace reports whether this process is in the host's user
// namespace, whose capabilities apply to everything. Only there are all users
// mapped to themselves.
func InitialUserNamespace() bool { return initialUserNamespace(os.DirFS("/")) }

func initialUserNamespace(root fs.FS) bool {
	m := text(root, "proc/self/uid_map")
	return m == "" || slices.Equal(strings.Fields(m), []string{"0", "0", "4294967295"})
}

// Capabilities names those that a full run needs and that the effective set of
// the calling thread lacks. Within a user namespace all may be there and BPF
// still be refused: only a try shows that.
func Capabilities() (missing []string) {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var set [2]unix.CapUserData
	if err := unix.Capget(&hdr, &set[0]); err != nil {
		return lacking(0) // a kernel that cannot be asked grants nothing
	}
	return lacking(uint64(set[1].Effective)<<32 | uint64(set[0].Effective))
}

func lacking(effective uint64) (missing []string) {
	has := func(bit int) bool { return bit >= 0 && effective&(1<<bit) != 0 }
	for _, n := range needed {
		if !has(n.bit) && !has(n.other) {
			missing = append(missing, n.name)
		}
	}
	return missing
}
