package bpf

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
)

// ProgramCode is the machine code of a BPF program that is loaded, which other symbols of
// the kernel do not name for certain: it may lie between those of modules.
type ProgramCode struct {
	Name       string
	Begin, End uint64
}

// ProgramsLoaded lists the code of all BPF programs, sorted by address. A program that is
// removed meanwhile, or whose code the kernel does not show, is left out.
func ProgramsLoaded() (list []ProgramCode, err error) {
	for id := ebpf.ProgramID(0); ; {
		if id, err = ebpf.ProgramGetNextID(id); errors.Is(err, os.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("list BPF programs: %w", err)
		}
		list = append(list, codeOf(id)...)
	}
	slices.SortFunc(list, func(a, b ProgramCode) int { return cmp.Compare(a.Begin, b.Begin) })
	return list, nil
}

func codeOf(id ebpf.ProgramID) (list []ProgramCode) {
	p, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return nil
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return nil
	}
	begin, _ := info.JitedKsymAddrs()
	size, _ := info.JitedFuncLens()
	for i := range min(len(begin), len(size)) {
		list = append(list, ProgramCode{"bpf_prog_" + info.Name, uint64(begin[i]), uint64(begin[i]) + uint64(size[i])})
	}
	return list
}
