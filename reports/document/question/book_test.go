package question

import (
	"testing"

	"tunbench/reports/prose/prosetest"
)

func TestBook(t *testing.T) { prosetest.Check(t, book) }
