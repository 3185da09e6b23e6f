package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCPU is the largest number of CPUs that Linux can be configured for.
const maxCPU = 8192

// ParseCPUs reads a list such as `0,2-3`. The order is kept, because it
// says which CPUs send and which read.
func ParseCPUs(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var cpus []int
	for _, part := range strings.Split(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || first < 0 || last < first || last >= maxCPU {
			return nil, fmt.Errorf("%q is not a CPU or a range of CPUs: write the list like 0,2-3", part)
		}
		for cpu := first; cpu <= last; cpu++ {
			if slices.Contains(cpus, cpu) {
				return nil, fmt.Errorf("CPU %d is listed twice", cpu)
			}
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
