package figure

import (
	"embed"

	"tunbench/reports/prose"
	"tunbench/reports/text"
)

//go:embed figure.txt
var files embed.FS

// book has what is said of figures in several documents.
var book = prose.Must(prose.Read(files, "figure.txt", text.Words))
