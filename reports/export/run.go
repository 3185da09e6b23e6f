package export

import (
	"tunbench/reports/record"
)

// NamedRun is a run file and what its reader calls it, which is where it was
// read from.
type NamedRun struct {
	Name string
	*record.File
}
