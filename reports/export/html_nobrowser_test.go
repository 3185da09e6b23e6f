//go:build !browser

package export

import (
	"os"
	"testing"
)

// The tests in a browser are built with a tag of their own. The program that
// drives one has a hundred times the code of this package, and a fuzz target
// looks at the counters of all of it after each input.
func TestHTMLInBrowser(t *testing.T) {
	const reason = "needs the tag browser: make test, or go test -tags browser ./reports/export"
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}
