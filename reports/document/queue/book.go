// Package queue shows what queues do: how packets and flows are spread over them, how long
// packets stay in them, and how many are in their rings.
package queue

import (
	"embed"

	"tunbench/reports/document"
	"tunbench/reports/prose"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))
