package profile

import (
	"path/filepath"
	"slices"

	"tunbench/bpf"
)

// namer names the functions of stacks.
type namer struct {
	kernel    *kernelSymbols
	programs  []bpf.ProgramCode
	processes map[int]process
	own       int               // this process
	objects   map[string]object // that were read, by path
	named     map[address][]Frame
}

// address is one that a stack has, as a call or as where its innermost function is.
type address struct {
	process int // 0: of the kernel
	at      uint64
	returns bool
}

// at names the functions at an address, the innermost first. Many stacks have it.
func (n namer) at(a address) []Frame {
	list, ok := n.named[a]
	if ok {
		return list
	}
	if a.process != 0 {
		list = n.user(a.process, a.at, a.returns)
	} else {
		list = []Frame{kernelName(a.at, n.programs, n.kernel)}
	}
	n.named[a] = list
	return list
}

// frames names a stack, the outermost function first.
func (n namer) frames(s bpf.Stack) []Frame {
	var inner []Frame // first
	for i, at := range s.Kernel {
		if i > 0 {
			at-- // the call, not what is behind it
		}
		inner = append(inner, n.at(address{at: at})...)
		// What a softirq interrupted has nothing to do with it.
		if s.Kind == bpf.StackSoftirq && n.softirq(at) {
			break
		}
	}
	for i, at := range s.User {
		inner = append(inner, n.at(address{s.Process, at, i > 0})...)
	}
	inner = append(inner, Frame{Name: n.what(s)})
	slices.Reverse(inner)
	return inner
}

// softirq reports whether an address is in the code that handles softirqs.
func (n namer) softirq(address uint64) bool {
	return slices.ContainsFunc(n.kernel.code, func(r bpf.CodeRange) bool { return !r.Worker && address >= r.Begin && address < r.End })
}

// what names what ran.
func (n namer) what(s bpf.Stack) string {
	switch {
	case s.Kind == bpf.StackSoftirq:
		return "softirq"
	case s.Kind == bpf.StackWorker:
		return "kernel worker"
	case s.Process == n.own:
		return "tunbench"
	}
	if p, ok := n.processes[s.Process]; ok {
		return p.comm
	}
	return "another process of the trial"
}

// user names the code of a process at an address, the innermost function first.
func (n namer) user(pid int, address uint64, returns bool) (list []Frame) {
	if pid == n.own {
		for _, name := range ownNames(address, returns) {
			list = append(list, Frame{name, "tunbench"})
		}
		if list != nil {
			return list
		}
		// What else it runs has a mapping of its own, such as the clocks of the vDSO.
	}
	if returns {
		address--
	}
	m, ok := n.processes[pid].at(address)
	if !ok {
		return []Frame{{"[unknown]", ""}}
	}
	o, ok := n.objects[m.path]
	if !ok {
		o = readObject(m.reach, m.path)
		n.objects[m.path] = o
	}
	return []Frame{{o.at(m, address), filepath.Base(m.path)}}
}
