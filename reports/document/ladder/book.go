package ladder

import (
	"embed"

	"tunbench/reports/document"
	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))
