package account

// balance gives Jain's index, (sum x)^2 / (n sum x^2), and max / mean.
func balance(x []float64) (jain, imbalance float64) {
	var sum, squares, top float64
	for _, v := range x {
		sum += v
		squares += v * v
		top = max(top, v)
	}
	if sum == 0 {
		return 0, 0
	}
	n := float64(len(x))
	return sum * sum / (n * squares), top / (sum / n)
}
