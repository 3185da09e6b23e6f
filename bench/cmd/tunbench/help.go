package main

import (
	"embed"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed help/*.txt
var helpPages embed.FS

// explain sets the help of cmd and of the commands below it: the text and the examples of
// their pages, which are named by their paths without the first word.
func explain(cmd *cobra.Command) {
	name := strings.TrimPrefix(strings.ReplaceAll(cmd.CommandPath(), " ", "-"), cmd.Root().Name()+"-")
	if page, err := helpPages.ReadFile("help/" + name + ".txt"); err == nil {
		text, examples, _ := strings.Cut(string(page), "\nExamples:\n\n")
		cmd.Long, cmd.Example = strings.TrimSpace(text), strings.TrimRight(examples, "\n")
	}
	for _, c := range cmd.Commands() {
		explain(c)
	}
}
