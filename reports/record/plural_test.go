package record

import "testing"

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 queues", 1: "1 queue", 2: "2 queues", 256: "256 queues"} {
		if got := Plural(n, "queue", "queues"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := Plural(uint64(1), "packet was", "packets were"); got != "1 packet was" {
		t.Error(got)
	}
}
