package document

import (
	"fmt"

	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// Words are the functions that the sentences of a document may call: those of
// text.Words, and {{list .Names}}, which puts commas between strings, pieces or prose.
var Words = map[string]any{"plural": text.Words["plural"], "word": text.Words["word"], "list": list}

func list(of any) (p prose.Prose, err error) {
	var parts []any
	switch of := of.(type) {
	case []string:
		parts = anys(of)
	case []prose.Piece:
		parts = anys(of)
	case []prose.Prose:
		parts = anys(of)
	default:
		return nil, fmt.Errorf("%T is no list", of)
	}
	for i, part := range parts {
		if i > 0 {
			p = append(p, prose.Say(", ")...)
		}
		p = append(p, prose.Say(part)...)
	}
	return p, nil
}

func anys[T any](of []T) (list []any) {
	for _, v := range of {
		list = append(list, v)
	}
	return list
}
