package doctor

import (
	"errors"
	"fmt"
	"os"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/reports/record"
)

// SelectHook finds the hook to use: "auto" takes the first hook that holds and says why
// it passed over another; a hook that is named is used or an error. A hook holds when
// it has counted a packet; that it attaches is not enough.
func SelectHook(requested string) (record.Hook, error) {
	loadModule()
	h := record.Hook{Requested: requested, Used: string(bpf.None), PassedOver: []record.PassedOver{}, Programs: []record.Program{}}
	switch requested {
	case string(bpf.None):
		return h, nil
	case record.HookAuto:
		for _, hook := range bpf.Hooks {
			err := holds(hook)
			if err == nil {
				h.Used, h.Programs = string(hook), hookPrograms(hook)
				return h, nil
			}
			h.PassedOver = append(h.PassedOver, record.PassedOver{Hook: string(hook), Reason: hookReason(err)})
		}
		return h, nil
	}
	for _, hook := range bpf.Hooks {
		if requested != string(hook) {
			continue
		}
		if err := holds(hook); err != nil {
			return h, err
		}
		h.Used, h.Programs = requested, hookPrograms(hook)
		return h, nil
	}
	return h, fmt.Errorf("unknown hook %q: choose auto, kprobe, fentry, tracepoint or none", requested)
}

// holds reports whether a hook can be used. Where no device can be made, there is
// nothing that it could miss, and each scenario says what the host lacks.
func holds(hook bpf.Hook) error {
	err := Prove(hook)
	var unproven *unprovenError
	if errors.As(err, &unproven) {
		return nil
	}
	return err
}

// loadModule lets the kernel load tun, if that is a module: the functions to
// attach to are in it. If it cannot be had, building the device will say so.
func loadModule() {
	if f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0); err == nil {
		f.Close()
	}
}

func hookPrograms(h bpf.Hook) (list []record.Program) {
	for _, p := range bpf.Programs(h, bpf.Both) {
		list = append(list, record.Program(p))
	}
	return list
}

func hookReason(err error) string {
	var e *bpf.HookError
	if errors.As(err, &e) {
		return e.Reason
	}
	return err.Error()
}

// FreshNamespace gives the settings of a new network namespace.
func FreshNamespace() (sysctl map[string]string, err error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	err = ns.Do(func() error {
		sysctl = host.Namespace()
		return nil
	})
	return sysctl, errors.Join(err, ns.Close())
}
