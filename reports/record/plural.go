package record

import "strconv"

// Plural gives a count and what is counted: 1 packet, 0 packets, 2 packets.
func Plural[N int | int64 | uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(int64(n), 10) + " " + many
}
