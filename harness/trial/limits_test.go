package trial

import (
	"os"
	"strings"
	"testing"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestTAPSize holds the highest MTU of a TAP device, which is below that of TUN.
func TestTAPSize(t *testing.T) {
	s := spec.Default()
	s.Size = 65522
	if err := s.Validate(); err != nil {
		t.Errorf("mode=tun: %v", err)
	}
	s.Mode = spec.TAP
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "choose a size of at most 65521, or mode=tun") {
		t.Errorf("mode=tap: %v", err)
	}
	s.Size = 65521
	if err := s.Validate(); err != nil {
		t.Errorf("mode=tap size=65521: %v", err)
	}
	if os.Getuid() != 0 {
		t.Skip("needs root to ask the kernel")
	}
	if err := lab.Probe(t.Context(), s, "none"); err != nil {
		t.Errorf("the kernel takes no MTU of %d: %v", s.Size, err)
	}
}

// TestLongRings asks the kernel for the longest ring, and for one more.
func TestLongRings(t *testing.T) {
	needRoot(t)
	s := spec.Default()
	s.TxQLen = refusal.MaxRing + 1
	err := lab.Probe(t.Context(), s, "none")
	if err == nil {
		t.Fatalf("txqlen=%d: the kernel took it", s.TxQLen)
	}
	reason, detail := refusal.Classify(err)
	if reason != record.Unsupported || !strings.Contains(detail, "choose at most") {
		t.Errorf("txqlen=%d: %s: %s", s.TxQLen, reason, detail)
	}
	s.TxQLen = refusal.MaxRing
	if err := lab.Probe(t.Context(), s, "none"); err != nil {
		t.Errorf("txqlen=%d: %v", s.TxQLen, err)
	}
}
