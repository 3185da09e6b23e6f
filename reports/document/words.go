package document

import (
	"embed"
	"io/fs"

	"tunbench/reports/prose"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

// words are what all documents share.
var words = Words(files)

// Words reads the sentences of a document, which are part of the program, from the
// text files in files. They may call
//
//	plural N ONE MANY   "1 row", "1,204 rows"
func Words(files fs.FS) *prose.Book {
	return prose.Must(prose.Read(files, "*.txt", map[string]any{"plural": text.Plural}))
}
