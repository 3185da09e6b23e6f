package export

import (
	"tunbench/reports/commit"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// CommitFormat is the name of the format for the message of a commit.
const CommitFormat = "commit"

// commitName is the file of --format commit.
const commitName = "commit.txt"

func commitComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	return []render.Output{{Name: commitName, Content: []byte(commit.Comparison(c))}}, nil
}
