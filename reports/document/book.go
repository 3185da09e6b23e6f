package document

import (
	"embed"

	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

// book has what several documents say.
var book = prose.Must(prose.Read(files, "*.txt", Words))
