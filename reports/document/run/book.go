package run

import (
	"embed"

	"tunbench/reports/document"
	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

// book has the sentences of the report. They stand in the files, and the files in
// the folder, in the order in which it is read.
var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// and puts a sentence behind others.
func and(p, next prose.Prose) prose.Prose {
	if len(p) == 0 || len(next) == 0 {
		return append(p, next...)
	}
	return append(append(p, prose.Say(" ")...), next...)
}
