package reports

func markdownRuns(runs []NamedRun, alone bool) ([]Output, error) {
	return markdownFiles(newDocument(runs[0].File), alone)
}

func markdownComparison(c *Comparison, alone bool) ([]Output, error) {
	return markdownFiles(newContrast(c).document(), alone)
}

func markdownHistory(c *Check, alone bool) ([]Output, error) {
	return markdownFiles(newHistoryText(c).document(), alone)
}

func htmlRuns(runs []NamedRun, _ bool) ([]Output, error) { return htmlFiles(newDocument(runs[0].File)) }

func htmlComparison(c *Comparison, _ bool) ([]Output, error) {
	return htmlFiles(newContrast(c).document())
}

func htmlHistory(c *Check, _ bool) ([]Output, error) {
	return htmlFiles(newHistoryText(c).document())
}
