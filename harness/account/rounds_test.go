package account

import (
	"testing"
)

func TestMedianOfLast(t *testing.T) {
	if v, ok := medianOfLast([]float64{9, 1, 2, 3, 4, 5}); !ok || v != 3 {
		t.Errorf("the median of the last five is %v", v)
	}
	if _, ok := medianOfLast(nil); ok {
		t.Error("no block has a median")
	}
}
