package bpf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Hook is a way of observing the kernel.
type Hook string

const (
	Kprobe     Hook = "kprobe"     // kprobes on the entries of the functions of tun
	Fentry     Hook = "fentry"     // fentry on the same
	Tracepoint Hook = "tracepoint" // the tracepoint before a device's xmit
	None       Hook = "none"
	Auto       Hook = "auto" // the first of Hooks that can be attached
)

// Hooks is the order in which hooks are tried.
var Hooks = []Hook{Kprobe, Fentry, Tracepoint}

// SeesBypass reports whether h sees packets that skip the queueing discipline
// (PACKET_QDISC_BYPASS): the tracepoints around xmit do not fire for them.
func (h Hook) SeesBypass() bool { return h == Kprobe || h == Fentry }

// SeesCalls reports whether h counts the calls of tun_do_read.
func (h Hook) SeesCalls() bool { return h == Kprobe || h == Fentry }

// Program is a BPF program of the observer, and what it is attached to.
type Program struct {
	Name   string
	Kind   string // kprobe, fentry or tracepoint
	Target string
}

// Direction says which packets of a device are observed.
type Direction int

const (
	K2U Direction = iota // those that it transmits and user space reads
	U2K                  // those that user space writes and it receives
	Both
	Drops // only the drops of K2U, by reason; the same for every hook
)

func (s Direction) xmit() bool { return s == K2U || s == Both }
func (s Direction) recv() bool { return s == U2K || s == Both }

// The functions of drivers/net/tun.c on whose entries programs are.
const (
	FuncXmit = "tun_net_xmit"
	FuncRead = "tun_do_read"
)

// xmitPrograms count what a device transmits, and the calls that read it. What is
// returned to readers and writers they know themselves: no program is on the return of
// a function, where a kretprobe would lose the calls of most tasks that sleep
// in the function.
var xmitPrograms = map[Hook][]Program{
	Kprobe: {
		{tunobsProgKprobeXmit, "kprobe", FuncXmit},
		{tunobsProgKprobeRead, "kprobe", FuncRead},
	},
	Fentry: {
		{tunobsProgFentryXmit, "fentry", FuncXmit},
		{tunobsProgFentryRead, "fentry", FuncRead},
	},
	Tracepoint: {
		{tunobsProgTpXmit, "tracepoint", "net_dev_start_xmit"},
	},
}

// Programs that all hooks need.
var (
	sent    = Program{tunobsProgTpSent, "tracepoint", "net_dev_xmit"} // with Target.Stops
	dequeue = Program{tunobsProgTpDequeue, "tracepoint", "skb_copy_datagram_iovec"}
	receive = []Program{
		{tunobsProgTpReceive, "tracepoint", "netif_receive_skb_entry"},
		{tunobsProgTpReceiveNapi, "tracepoint", "napi_gro_receive_entry"},
		{tunobsProgTpReceiveFrags, "tracepoint", "napi_gro_frags_entry"},
	}
)

// Programs lists the programs that hook h loads on this kernel to observe that
// direction.
func Programs(h Hook, s Direction) (list []Program) {
	if s.xmit() {
		list = append(list, xmitPrograms[h]...)
	}
	if s.recv() {
		list = append(list, receive...)
	}
	if s.xmit() {
		list = append(list, dequeue)
	}
	return append(list, drops(s)...)
}

// programs are these, with returns those on the returns of readers and writers, and with
// stops that behind the driver's xmit.
func programs(h Hook, s Direction, returns, stops bool) []Program {
	list := Programs(h, s)
	if returns {
		list = append(list, returnPrograms...)
	}
	if stops && s.xmit() {
		list = append(list, sent)
	}
	return list
}

// returnPrograms count errors. What is returned to readers and writers of our own they know.
var returnPrograms = []Program{
	{tunobsProgFexitRead, "fexit", "tun_chr_read_iter"},
	{tunobsProgFexitWrite, "fexit", "tun_chr_write_iter"},
}

// drops lists the programs that count drops. The parameters of their
// tracepoints differ between kernels.
func drops(s Direction) []Program {
	// The first parameter of a tracepoint's function is not passed to the program.
	const skb, location, reason, socket = 1, 2, 3, 4
	drop := func(name string) Program { return Program{name, "tracepoint", "kfree_skb"} }
	full := func(name string) Program { return Program{name, "tracepoint", "udp_fail_queue_rcv_skb"} }
	params := tracepointParams("kfree_skb", socket+1)
	switch {
	case s == Drops: // received packets must be distinguished from transmitted ones
		return []Program{drop(tunobsProgTpDropSide)}
	case !s.recv() && params <= reason:
		// Before Linux 5.17 (commit c504e5c2f964) it gave no reason.
		return []Program{drop(tunobsProgTpDropUnknown)}
	case !s.recv():
		return []Program{drop(tunobsProgTpDrop)}
	case params > socket:
		return []Program{drop(tunobsProgTpDropSock)}
	case tracepointParams("udp_fail_queue_rcv_skb", socket) == socket:
		return []Program{drop(tunobsProgTpDropSide), full(tunobsProgTpFullSkb)}
	case params > reason:
		return []Program{drop(tunobsProgTpDropLate), full(tunobsProgTpFull)}
	}
	return []Program{drop(tunobsProgTpDropLateUnknown), full(tunobsProgTpFull)}
}

// tracepointParams counts the parameters of a tracepoint's function in this
// kernel; if that is not known, it returns usual.
func tracepointParams(name string, usual int) int {
	spec, err := kernelTypes.Kernel()
	if err != nil {
		return usual
	}
	var typedef *btf.Typedef
	if spec.TypeByName("btf_trace_"+name, &typedef) != nil {
		return usual
	}
	ptr, ok := typedef.Type.(*btf.Pointer)
	if !ok {
		return usual
	}
	proto, ok := ptr.Target.(*btf.FuncProto)
	if !ok {
		return usual
	}
	return len(proto.Params)
}

// HookError says why a hook cannot be used on this kernel.
type HookError struct {
	Hook   Hook
	Reason string // a sentence without the hook's name
	Err    error  // what the kernel or the loader said
}

func (e *HookError) Error() string { return fmt.Sprintf("attach %s: %s", e.Hook, e.Reason) }

func (e *HookError) Unwrap() error { return e.Err }

// Unprivileged reports whether the process lacks what the hook needs, as opposed to
// the kernel refusing it to everyone.
func (e *HookError) Unprivileged() bool { return errors.Is(e.Err, os.ErrPermission) && !hasBPF() }

// Try opens hook h on a device that does not exist and closes it again: nil
// means that its programs can be attached on this kernel, not that they will run.
func Try(h Hook, s Direction) error {
	o, err := open(h, Target{Ifindex: ^uint32(0), Netns: ^uint32(0), Queues: 1, Direction: s})
	if err != nil {
		return err
	}
	return o.Close()
}

// explain turns an error of loading or attaching p into a reason that the user
// can act on. It probes only here, after the attempt has failed.
func explain(h Hook, p Program, err error) *HookError {
	return explainBy(h, p, err, hasBPF(), readLine)
}

// explainBy is explain for given permissions and files of the kernel.
func explainBy(h Hook, p Program, err error, privileged bool, read func(path string) string) *HookError {
	reason := fmt.Sprintf("%s on %s: %v", p.Kind, p.Target, err)
	var verifier *ebpf.VerifierError
	level := lockdown(read)
	switch {
	case noBTF():
		reason = "this kernel has no type information, " + btfPath + " is missing (CONFIG_DEBUG_INFO_BTF)"
	case errors.Is(err, errNoSymbol), errors.Is(err, btf.ErrNotFound):
		reason = fmt.Sprintf("%s is not in this kernel; if tun is a module, load it: modprobe tun", p.Target)
	case errors.Is(err, os.ErrPermission) && !privileged:
		reason = "loading BPF programs needs CAP_BPF and CAP_PERFMON, or root"
		if paranoid := read("/proc/sys/kernel/perf_event_paranoid"); errors.Is(err, unix.EACCES) && paranoid != "" {
			reason += fmt.Sprintf(" (kernel.perf_event_paranoid is %s)", paranoid)
		}
	case level == "confidentiality" && (errors.Is(err, os.ErrPermission) || errors.As(err, &verifier)):
		// LOCKDOWN_KPROBES and LOCKDOWN_BPF_READ_KERNEL of include/linux/security.h
		what := "kprobes"
		if p.Kind != "kprobe" {
			what = "BPF programs to read kernel memory by address, as they must to count the segments of GSO packets"
		}
		reason = fmt.Sprintf("the kernel is locked down (lockdown=%s), which forbids %s", level, what)
	case errors.As(err, &verifier) && !errors.Is(err, unix.EPERM):
		reason = fmt.Sprintf("the verifier refused %s: %v", p.Name, verifier)
	case h == Kprobe && p.Kind == "kprobe" && !kprobesCompiledIn():
		reason = "kprobes are not compiled into this kernel (CONFIG_KPROBES)"
	case p.Kind == "kprobe" && blacklisted(p.Target, read):
		reason = fmt.Sprintf("%s is on the kernel's list of functions that may not be probed (/sys/kernel/debug/kprobes/blacklist)", p.Target)
	case h == Fentry && errors.Is(err, unix.EPERM):
		reason = fmt.Sprintf("the kernel refused to load %s on %s with EPERM, as one that forbids attaching to functions does", p.Kind, p.Target)
	case h == Fentry && (errors.Is(err, enotsupp) || errors.Is(err, ebpf.ErrNotSupported)):
		reason = "this kernel cannot attach to functions directly (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)"
	}
	if why := switchedOff(h, read); why != "" && !noBTF() && privileged && level != "confidentiality" {
		reason += "; " + why
	}
	return &HookError{h, reason, err}
}

const btfPath = "/sys/kernel/btf/vmlinux"

func noBTF() bool {
	_, err := os.Stat(btfPath)
	return errors.Is(err, os.ErrNotExist)
}

// enotsupp is the kernel's own ENOTSUPP, which leaks to user space here.
const enotsupp = unix.Errno(524)

// kprobesCompiledIn looks for the perf event source that CONFIG_KPROBE_EVENTS
// registers and for the older control file.
func kprobesCompiledIn() bool {
	for _, path := range []string{
		"/sys/bus/event_source/devices/kprobe/type",
		"/sys/kernel/tracing/kprobe_events",
		"/sys/kernel/debug/tracing/kprobe_events",
	} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// hasBPF reports whether the effective capabilities allow tracing programs:
// CAP_SYS_ADMIN, or both CAP_BPF and CAP_PERFMON (Linux 5.8).
func hasBPF() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if unix.Capget(&header, &sets[0]) != nil {
		return false
	}
	has := func(c int) bool { return sets[c/32].Effective>>(c%32)&1 == 1 }
	return has(unix.CAP_SYS_ADMIN) || has(unix.CAP_BPF) && has(unix.CAP_PERFMON)
}

var errNoSymbol = errors.New("symbol not found")

// symbol finds the name under which a function of the kernel can be probed.
// The compiler may have made a copy of a static function and given it a suffix.
func symbol(function string) (string, error) {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return "", err
	}
	defer f.Close()
	return findSymbol(f, function)
}

func findSymbol(kallsyms io.Reader, function string) (string, error) {
	found := ""
	lines := bufio.NewScanner(kallsyms)
	for lines.Scan() {
		fields := strings.Fields(lines.Text()) // address, type, name, [module]
		if len(fields) < 3 || fields[1] != "t" && fields[1] != "T" {
			continue
		}
		suffix, ok := strings.CutPrefix(fields[2], function)
		if ok && suffix == "" {
			return function, nil
		}
		if ok && found == "" && wholeCopy(suffix) {
			found = fields[2]
		}
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	if found == "" {
		return "", fmt.Errorf("%s: %w", function, errNoSymbol)
	}
	return found, nil
}

// wholeCopy reports whether a suffix is that of a whole function (.isra.0,
// .constprop.0, .llvm.123) rather than of a part of it (.cold, .part.0).
func wholeCopy(suffix string) bool {
	return strings.HasPrefix(suffix, ".isra.") || strings.HasPrefix(suffix, ".constprop.") ||
		strings.HasPrefix(suffix, ".llvm.")
}

func attach(p Program, prog *ebpf.Program) (link.Link, error) {
	if p.Kind != "kprobe" {
		return link.AttachTracing(link.TracingOptions{Program: prog})
	}
	l, err := link.Kprobe(p.Target, prog, nil)
	if !errors.Is(err, os.ErrNotExist) {
		return l, err
	}
	// Only now, because a kernel takes long to print its symbols.
	name, symbolErr := symbol(p.Target)
	if symbolErr != nil {
		return nil, symbolErr
	}
	if name == p.Target {
		return nil, err
	}
	return link.Kprobe(name, prog, nil)
}
