package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// distinct refuses a histogram that has a bucket twice: it would count twice.
func distinct(path string, latencies map[string]Latency) error {
	for _, name := range slices.Sorted(maps.Keys(latencies)) {
		lower := func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) }
		buckets := latencies[name].Buckets
		if !slices.IsSortedFunc(buckets, lower) {
			buckets = slices.SortedFunc(slices.Values(buckets), lower)
		}
		for i, b := range buckets {
			if i > 0 && b[0] == buckets[i-1][0] {
				return fmt.Errorf("%s.%s.buckets: that of %d ns is there twice", path, name, b[0])
			}
		}
	}
	return nil
}

// soundMetrics checks metrics as sound does, but allows a loss below 0 where more
// packets were delivered than accepted: the trial is then invalid, its record is not.
func soundMetrics(path string, metrics map[string]float64, a Accounting) error {
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		v := metrics[name]
		if name == Loss && a.Delivered > a.Accepted && !math.IsInf(v, 0) && v < 0 {
			continue
		}
		if err := sound(reflect.ValueOf(v), path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

// sound refuses, in v and all that v contains, numbers that are not finite, which JSON
// cannot hold, and negative numbers, unless the field has the tag `sign:"any"`: counts,
// times, rates and sizes are never below 0. The error names the field by its path in
// the line.
func sound(v reflect.Value, path string) error { return soundAs(v, path, false) }

func soundAs(v reflect.Value, path string, signed bool) error {
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		switch f := v.Float(); {
		case math.IsNaN(f) || math.IsInf(f, 0):
			return fmt.Errorf("%s is %v, not a finite number", path, f)
		case f < 0 && !signed:
			return fmt.Errorf("%s is %v: it cannot be negative", path, f)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := v.Int(); n < 0 && !signed {
			return fmt.Errorf("%s is %d: it cannot be negative", path, n)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return soundAs(v.Elem(), path, signed)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if unsigned(field.Type) {
				continue
			}
			any := signed || field.Tag.Get("sign") == "any"
			if err := soundAs(v.Field(i), join(path, jsonName(field)), any); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if err := soundAs(v.Index(i), path, signed); err != nil {
				return err
			}
		}
	case reflect.Map:
		var errs []error
		for it := v.MapRange(); it.Next(); {
			key := fmt.Sprint(it.Key())
			if err := soundAs(it.Key(), path, signed); err != nil {
				errs = append(errs, err)
			}
			if err := soundAs(it.Value(), join(path, key), signed); err != nil {
				errs = append(errs, err)
			}
		}
		// Always the same one of several errors, whatever the order of the map.
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		if len(errs) > 0 {
			return errs[0]
		}
	}
	return nil
}

// unsigned reports whether t holds nothing that can be negative or not finite: only
// text, counts, and lists of them such as the buckets of a histogram.
func unsigned(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return unsigned(t.Elem())
	case reflect.Map:
		return unsigned(t.Key()) && unsigned(t.Elem())
	case reflect.String, reflect.Bool, reflect.Uint64:
		return true
	}
	return false
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// decode reads the line of a record into one. The error is a *json.SyntaxError
// if line is not JSON.
func decode(line []byte, into Record) error {
	err := json.Unmarshal(line, into)
	var broken *json.SyntaxError
	if errors.As(err, &broken) {
		return err
	}
	// encoding/json reads null as 0, and its errors do not name the key of a map.
	if err != nil || bytes.Contains(line, []byte("null")) {
		var v any
		dec := json.NewDecoder(bytes.NewReader(line))
		dec.UseNumber()
		if dec.Decode(&v) == nil {
			err = cmp.Or(fits(v, reflect.TypeOf(into).Elem(), ""), err)
		}
	}
	if err == nil {
		err = cmp.Or(into.check(), identified(into))
	}
	if err != nil {
		return fmt.Errorf("%.300v: %w", into, err)
	}
	return nil
}

// fits returns an error if v, a JSON value, or a value inside v does not fit into t:
// it has the wrong type, or is null in place of a number. Elsewhere null is the same as
// a field left out.
func fits(v any, t reflect.Type, path string) error {
	wrong := func(want string) error {
		text, _ := json.Marshal(v) // v was decoded from JSON
		if v == nil {
			return fmt.Errorf("%s is null, not %s: leave the field out where its figure is not known", path, want)
		}
		if len(text) > 40 {
			text = append(text[:40], "..."...)
		}
		return fmt.Errorf("%s is %s, not %s", path, text, want)
	}
	number, _ := v.(json.Number)
	switch kind := t.Kind(); kind {
	case reflect.Float64:
		if _, err := strconv.ParseFloat(string(number), 64); err != nil {
			return wrong("a finite number")
		}
	case reflect.Uint64:
		if _, err := strconv.ParseUint(string(number), 10, 64); err != nil {
			return wrong("a count of 0 or more")
		}
	case reflect.Int, reflect.Int64:
		if _, err := strconv.ParseInt(string(number), 10, 64); err != nil {
			return wrong("a whole number")
		}
	case reflect.Bool:
		if _, ok := v.(bool); !ok {
			return wrong("true or false")
		}
	case reflect.String:
		if _, ok := v.(string); v != nil && !ok {
			return wrong("text")
		}
	case reflect.Pointer:
		if v != nil {
			return fits(v, t.Elem(), path)
		}
	case reflect.Struct, reflect.Map:
		object, ok := v.(map[string]any)
		if v != nil && !ok {
			return wrong("an object")
		}
		var fields []reflect.StructField
		if kind == reflect.Struct {
			fields = reflect.VisibleFields(t)
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			of := t
			if kind == reflect.Map {
				of = t.Elem()
			} else if i := slices.IndexFunc(fields, func(f reflect.StructField) bool { return jsonName(f) == key }); i >= 0 {
				of = fields[i].Type
			} else {
				continue // of a newer tunbench
			}
			if err := fits(object[key], of, join(path, key)); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		list, ok := v.([]any)
		if v != nil && !ok {
			return wrong("a list")
		}
		for _, e := range list {
			if err := fits(e, t.Elem(), path); err != nil {
				return err
			}
		}
	}
	return nil
}

// identified refuses a record that lacks a field that identifies it.
func identified(r Record) error {
	missing := func(field string, is bool) error {
		if is {
			return nil
		}
		return fmt.Errorf("%s is missing", field)
	}
	switch r := r.(type) {
	case *Trial:
		if r.Arm != Bare && r.Arm != Observed && r.Arm != "" {
			return fmt.Errorf("arm is %q: choose %s or %s", r.Arm, Bare, Observed)
		}
		return cmp.Or(missing("scenario", r.Scenario != ""), missing("arm", r.Arm != ""), missing("pair", r.Pair > 0),
			missing("trial", r.Trial > 0), missing("metrics", r.Metrics != nil))
	case *Search:
		return missing("scenario", r.Scenario != "")
	case *Profile:
		return cmp.Or(missing("scenario", r.Scenario != ""), missing("unit", r.Unit != ""))
	case *Verdict:
		return cmp.Or(missing("scenario", r.Scenario != ""), missing("metric", r.Metric != ""), missing("verdict", r.Verdict != ""))
	case *Skip:
		return cmp.Or(missing("scenario", r.Scenario != ""), missing("reason", r.Reason != ""))
	}
	return nil
}
