package bpf

import (
	"maps"
	"sync"

	"github.com/cilium/ebpf"
)

// deviceObject is the object of device.bpf.c, parsed once.
var deviceObject = sync.OnceValues(loadDevice)

// deviceSpec returns a copy of the object, reduced to one program and its maps.
func deviceSpec(program string) (*ebpf.CollectionSpec, error) {
	object, err := deviceObject()
	if err != nil {
		return nil, err
	}
	spec := object.Copy()
	used := map[string]bool{}
	for _, instruction := range spec.Programs[program].Instructions {
		if instruction.IsLoadFromMap() {
			used[instruction.Reference()] = true
		}
	}
	maps.DeleteFunc(spec.Programs, func(name string, _ *ebpf.ProgramSpec) bool { return name != program })
	maps.DeleteFunc(spec.Maps, func(name string, _ *ebpf.MapSpec) bool { return !used[name] })
	maps.DeleteFunc(spec.Variables, func(_ string, v *ebpf.VariableSpec) bool { return !used[v.SectionName] })
	return spec, nil
}
