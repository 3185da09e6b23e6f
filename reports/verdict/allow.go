package verdict

import (
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
)

// AllowFields are all of them.
var AllowFields = []string{figure.AllowCPU, figure.AllowHook, figure.AllowTool, figure.AllowClock, figure.AllowDevice}

// AllowMissing is what --allow takes beside them: scenarios that the new side does
// not have.
const AllowMissing = "missing"

// AllowValues are all that --allow takes.
var AllowValues = append(slices.Clone(AllowFields), AllowMissing)

// CheckAllow refuses what --allow does not take.
func CheckAllow(allow []string) error {
	for _, a := range allow {
		if !slices.Contains(AllowValues, a) {
			return fmt.Errorf("--allow %q: choose %s", a, strings.Join(AllowValues, ", "))
		}
	}
	return nil
}
