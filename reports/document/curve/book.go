// Package curve shows figures over the values of an axis, in the report on a run and in a
// report of the plots that a user asks for.
package curve

import (
	"embed"

	"tunbench/reports/document"
	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))
