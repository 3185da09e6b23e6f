package finding

import "strings"

// isDefault reports whether a value of an axis in which scenarios may differ is one that
// need not be set.
func isDefault(name, value string) bool {
	return value == map[string]string{"io": "read", "vnet": "off", "offload": "none", "queues": "1", "dir": "k2u", "path": "sink", "cipher": "none", "program": "none"}[name]
}

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=-_.,:/") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
