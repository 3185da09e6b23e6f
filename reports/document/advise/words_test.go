package advise

import (
	"testing"

	"tunbench/reports/prose/prosetest"
)

func TestWords(t *testing.T) { prosetest.Check(t, book) }
