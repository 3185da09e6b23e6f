package document

import (
	"embed"

	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

// book has the sentences that all documents share.
var book = prose.Must(prose.Read(files, "*.txt", Words))
