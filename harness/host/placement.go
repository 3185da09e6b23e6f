package host

import (
	"fmt"
	"slices"

	"tunbench/reports/record"
)

// CPUs lists the CPU of each worker, so that one with several workers is there
// several times.
func CPUs(p record.Placement) []int { return slices.Concat(p.Sender, p.Reader, p.Carrier) }

// Crowd counts the CPUs in use and the workers on them.
func Crowd(p record.Placement) (cpus, workers int) {
	list := CPUs(p)
	workers = len(list)
	slices.Sort(list)
	return len(slices.Compact(list)), workers
}

// PlaceForwarders gives each of n forwarders the CPU that has the fewest workers.
// Senders and forwarders count twice, since they never wait.
func PlaceForwarders(n int, cpus []int, p record.Placement) []int {
	load := map[int]int{}
	for _, cpu := range p.Sender {
		load[cpu] += 2
	}
	for _, cpu := range p.Reader {
		load[cpu]++
	}
	var places []int
	for range n {
		best := slices.MinFunc(cpus, func(a, b int) int { return load[a] - load[b] })
		load[best] += 2
		places = append(places, best)
	}
	return places
}

// PlaceBeside gives each of n threads that need little the CPU that has the fewest workers,
// forwarders included.
func PlaceBeside(n int, cpus []int, p record.Placement) []int {
	p.Sender = slices.Concat(p.Sender, p.Carrier)
	return PlaceForwarders(n, cpus, p)
}

// Usable returns the CPUs to use: those asked for, if this process may use them, or
// all that it may use.
func Usable(asked []int) ([]int, error) {
	allowed, err := Affinity()
	if err != nil || len(asked) == 0 {
		return allowed, err
	}
	may := map[int]bool{}
	for _, cpu := range allowed {
		may[cpu] = true
	}
	for _, cpu := range asked {
		if !may[cpu] {
			return nil, fmt.Errorf("CPU %d is offline or not among those that this process may use: %v", cpu, allowed)
		}
	}
	return asked, nil
}
