package bpf

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// Silence is the error on a hook whose programs were attached and did not run.
func Silence(h Hook, targets []string) *HookError {
	list := strings.Join(targets, ", ")
	reason := fmt.Sprintf("its programs were attached to %s, and did not run when a packet passed", list)
	if why := switchedOff(h, readLine); why != "" {
		reason += ": " + why
	}
	return &HookError{h, reason, fmt.Errorf("%s: no event was seen", list)}
}

// switchedOff names the setting that keeps programs on functions from running;
// "" if it is none of the known ones.
func switchedOff(h Hook, read func(path string) string) string {
	switch {
	case h != Kprobe && h != Fentry:
		return ""
	case read("/proc/sys/kernel/ftrace_enabled") == "0":
		return "kernel.ftrace_enabled is 0, which stops all that hangs on functions of the kernel (sysctl -w kernel.ftrace_enabled=1)"
	case h == Kprobe && read("/sys/kernel/debug/kprobes/enabled") == "0":
		return "kprobes are switched off (echo 1 > /sys/kernel/debug/kprobes/enabled)"
	}
	return ""
}

// lockdown is the level at which the kernel is locked down
// (kernel_lockdown(7)), "" if it is not, or if that is not known. Where
// securityfs is not mounted, it is the level requested on the kernel's command
// line.
func lockdown(read func(path string) string) string {
	// All levels, the one in force in brackets.
	for _, level := range strings.Fields(read("/sys/kernel/security/lockdown")) {
		if name, ok := strings.CutPrefix(level, "["); ok {
			if name = strings.TrimSuffix(name, "]"); name != "none" {
				return name
			}
			return ""
		}
	}
	for _, word := range slices.Backward(strings.Fields(read("/proc/cmdline"))) {
		if level, ok := strings.CutPrefix(word, "lockdown="); ok {
			return level
		}
	}
	return ""
}

// blacklisted reports whether the kernel forbids kprobes in a function.
func blacklisted(function string, read func(path string) string) bool {
	for line := range strings.Lines(read("/sys/kernel/debug/kprobes/blacklist")) {
		// A range of addresses, and the function that it belongs to.
		if fields := strings.Fields(line); len(fields) > 1 && fields[1] == function {
			return true
		}
	}
	return false
}

// readLine returns the content of a file without leading and trailing space, ""
// if it cannot be read.
func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
