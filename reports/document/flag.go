package document

// DropMeaning explains the reason of a drop; "" where it is not known.
func DropMeaning(reason string) string {
	if !book.Has("drop " + reason) {
		return ""
	}
	return book.Text("drop "+reason, nil)
}

// SkipMeaning explains the reason of a skip; "" where it is not known.
func SkipMeaning(reason string) string {
	if !book.Has("skip " + reason) {
		return ""
	}
	return book.Text("skip "+reason, nil)
}
