package host

import (
	"slices"
	"testing"

	"tunbench/reports/record"
)

func TestForwardersGoWhereRoomIs(t *testing.T) {
	p := record.Placement{Sender: []int{0}, Reader: []int{1}}
	for _, c := range []struct {
		n    int
		cpus []int
		want []int
	}{
		{0, []int{0, 1}, nil},
		{1, []int{0, 1}, []int{1}},
		{4, []int{0, 1}, []int{1, 0, 1, 0}},
		{2, []int{0, 1, 2, 3}, []int{2, 3}},
		{2, []int{0}, []int{0, 0}},
	} {
		if got := PlaceForwarders(c.n, c.cpus, p); !slices.Equal(got, c.want) {
			t.Errorf("%d forwarders on %v: %v, want %v", c.n, c.cpus, got, c.want)
		}
	}
}
