package stat

import (
	"errors"
	"fmt"
)

// Estimate is a value and its confidence interval, in the unit of the sample.
type Estimate struct {
	Value, Low, High float64
	// Level is the confidence reached. It is at least the level asked for, since an
	// exact distribution has steps.
	Level float64
	// N is the number of values, of the smaller sample where there are two.
	N int
}

// ErrTooFew says that a sample has no interval at the level asked for. Functions
// return a *TooFewError, which says how many values are needed.
var ErrTooFew = errors.New("too few values")

// TooFewError is ErrTooFew with the number of values.
type TooFewError struct {
	Have, Need int // values, in each sample where there are two
	Alpha      float64
}

func (e *TooFewError) Error() string {
	return fmt.Sprintf("too few values for an interval at %.4g %%: %d, and at least %d are needed", 100*(1-e.Alpha), e.Have, e.Need)
}

func (e *TooFewError) Unwrap() error { return ErrTooFew }

func checkAlpha(alpha float64) error {
	if !(alpha > 0 && alpha < 1) {
		return fmt.Errorf("alpha is %v, not between 0 and 1", alpha)
	}
	return nil
}

// tooFew returns an error with the number of values at which the smallest p is
// within alpha.
func tooFew(have int, alpha float64, smallest func(m, n int) float64) error {
	need := 1
	for smallest(need, need) > alpha {
		need++
	}
	return &TooFewError{Have: have, Need: need, Alpha: alpha}
}
