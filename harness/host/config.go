package host

import (
	"bufio"
	"compress/gzip"
	"io"
	"io/fs"
	"strings"
)

// options are always recorded when the configuration can be read, as "n" if
// they are not set: each decides whether something can be measured, or how.
var options = []string{
	"CONFIG_TUN", "CONFIG_TAP", "CONFIG_VHOST_NET", "CONFIG_BRIDGE", "CONFIG_BRIDGE_NETFILTER", "CONFIG_NETFILTER", "CONFIG_VETH", "CONFIG_IPV6",
	"CONFIG_NET_NS", "CONFIG_USER_NS", "CONFIG_MODULES", "CONFIG_IO_URING",
	"CONFIG_BPF_SYSCALL", "CONFIG_BPF_JIT", "CONFIG_BPF_EVENTS", "CONFIG_DEBUG_INFO_BTF",
	"CONFIG_KPROBES", "CONFIG_FPROBE", "CONFIG_FTRACE", "CONFIG_FUNCTION_TRACER", "CONFIG_DYNAMIC_FTRACE",
	"CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", "CONFIG_HZ", "CONFIG_SMP", "CONFIG_NUMA",
	"CONFIG_IRQ_TIME_ACCOUNTING", "CONFIG_PARAVIRT_TIME_ACCOUNTING", "CONFIG_RETPOLINE",
	"CONFIG_KASAN", "CONFIG_KCSAN", "CONFIG_UBSAN", "CONFIG_LOCKDEP", "CONFIG_PROVE_LOCKING",
	"CONFIG_DEBUG_KMEMLEAK", "CONFIG_DEBUG_LOCK_ALLOC", "CONFIG_DEBUG_PAGEALLOC", "CONFIG_DEBUG_PREEMPT",
	"CONFIG_SLUB_DEBUG_ON",
}

// families are prefixes of options that are recorded if they are set.
var families = []string{
	"CONFIG_PREEMPT", "CONFIG_NO_HZ", "CONFIG_BPF_JIT_", "CONFIG_NET_SCH_", "CONFIG_MITIGATION_",
}

// configLimit bounds what is read of a configuration, in bytes unpacked. A
// usual one has 300 KB.
const configLimit = 8 << 20

// config reads the first configuration of the running kernel that it finds. It
// is empty if there is none.
func config(root fs.FS, release string) map[string]string {
	files := []string{
		"proc/config.gz",
		"boot/config-" + release,
		"lib/modules/" + release + "/config",
		"lib/modules/" + release + "/build/.config",
	}
	for _, name := range files {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		var r io.Reader = f
		if strings.HasSuffix(name, ".gz") {
			r, err = gzip.NewReader(f)
		}
		var m map[string]string
		if err == nil {
			m, err = parseConfig(io.LimitReader(r, configLimit))
		}
		f.Close()
		if err == nil && len(m) > 0 {
			return m
		}
	}
	return map[string]string{}
}

// parseConfig selects the options of a .config that affect TUN/TAP. It is empty
// if r holds no option at all.
func parseConfig(r io.Reader) (map[string]string, error) {
	m := map[string]string{}
	found := false
	s := bufio.NewScanner(r)
	for s.Scan() {
		key, value, ok := strings.Cut(s.Text(), "=")
		if !ok || !strings.HasPrefix(key, "CONFIG_") {
			continue
		}
		found = true
		if bears(key) {
			m[key] = strings.Trim(value, `"`)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if !found {
		return m, nil
	}
	for _, o := range options {
		if _, ok := m[o]; !ok {
			m[o] = "n"
		}
	}
	return m, nil
}

func bears(key string) bool {
	for _, o := range options {
		if key == o {
			return true
		}
	}
	for _, f := range families {
		if strings.HasPrefix(key, f) {
			return true
		}
	}
	return false
}
