package device

import (
	"slices"
	"strings"
	"testing"

	"tunbench/harness/spec"
)

// TestOffloadsAsAsked holds that a feature which the kernel left off is an error,
// and so is one that it put on unasked.
func TestOffloadsAsAsked(t *testing.T) {
	csum, tso := []string{"tx-checksum-ip-generic"}, []string{FeatureTSO, featureTSO6, "tx-tcp-ecn-segmentation"}
	for name, c := range map[string]struct {
		asked    spec.Offload
		features []string
		words    string
	}{
		"none":           {spec.OffloadNone, []string{"rx-gro"}, ""},
		"none, some on":  {spec.OffloadNone, csum, "offload=none for tun9, but turned tx-checksum-ip-generic on"},
		"csum":           {spec.OffloadCsum, csum, ""},
		"csum, off":      {spec.OffloadCsum, nil, "turned tx-checksum-ip-generic off"},
		"tso":            {spec.OffloadTSO, slices.Concat(tso, csum), ""},
		"tso, one off":   {spec.OffloadTSO, slices.Concat(csum, tso[:1], tso[2:]), "turned tx-tcp6-segmentation off"},
		"tso, uso on":    {spec.OffloadTSO, slices.Concat(csum, tso, []string{FeatureUSO}), "turned tx-udp-segmentation on"},
		"uso":            {spec.OffloadUSO, slices.Concat(csum, tso, []string{FeatureUSO}), ""},
		"uso, tso6 off":  {spec.OffloadUSO, slices.Concat(csum, tso[:1], tso[2:], []string{FeatureUSO}), "turned tx-tcp6-segmentation off"},
		"tunnel, no sum": {spec.OffloadTunnel, slices.Concat(csum, tso, []string{FeatureUSO, "tx-udp_tnl-segmentation"}), "turned tx-udp_tnl-csum-segmentation off"},
	} {
		err := offloadsAsAsked("tun9", c.asked, c.features)
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}
