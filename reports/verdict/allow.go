package verdict

import (
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
)

// AllowFields are the fields that --allow takes.
var AllowFields = []string{figure.AllowCPU, figure.AllowHook, figure.AllowTool, figure.AllowClock, figure.AllowDevice}

// AllowMissing is the other value that --allow takes: it allows scenarios that the
// new side does not have.
const AllowMissing = "missing"

// AllowValues are all that --allow takes.
var AllowValues = append(slices.Clone(AllowFields), AllowMissing)

// CheckAllow refuses a value that --allow does not take.
func CheckAllow(allow []string) error {
	for _, a := range allow {
		if !slices.Contains(AllowValues, a) {
			return fmt.Errorf("--allow %q: choose %s", a, strings.Join(AllowValues, ", "))
		}
	}
	return nil
}
