package account

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The report states the limits of an unsteady trial.
func TestLimitsAreStated(t *testing.T) {
	flags, err := os.ReadFile("../../reports/document/trust/flag.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := strings.Cut(string(flags), `{{define "flag unsteady means"}}`)
	said, _, found := strings.Cut(said, "{{end}}")
	said = strings.Join(strings.Fields(said), " ")
	for _, want := range []string{
		"six parts", fmt.Sprintf("more than %g %% of their mean", 100*UnsteadyLimit), fmt.Sprintf("more than %g %% (and by three standard errors)", 100*ThirdsLimit),
	} {
		if !found || LeastWindows != 6 || !strings.Contains(said, want) {
			t.Errorf("the flag unsteady does not say %q: %q", want, said)
		}
	}
}
