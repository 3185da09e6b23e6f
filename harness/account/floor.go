package account

import (
	"fmt"

	"tunbench/reports/record"
)

// floorNs is what a system call that copies that many bytes costs at least,
// between the measured sizes by straight lines.
func floorNs(f record.Floor, bytes float64) float64 {
	sizes := []float64{0}
	costs := []float64{0}
	for _, size := range []int{64, 1500, 65536} {
		if ns, ok := f.CopyNs[fmt.Sprint(size)]; ok {
			sizes = append(sizes, float64(size))
			costs = append(costs, ns)
		}
	}
	i := len(sizes) - 1
	for i > 1 && bytes <= sizes[i-1] {
		i--
	}
	if i == 0 {
		return f.SyscallNs
	}
	slope := (costs[i] - costs[i-1]) / (sizes[i] - sizes[i-1])
	return f.SyscallNs + costs[i-1] + slope*(bytes-sizes[i-1])
}
