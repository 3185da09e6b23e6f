package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// kindOf says what is wrong with a value at a place in a dashboard.
type kindOf func(at string, v any) (faults []string)

func wrong(at string, v any, want string) []string {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte(err.Error())
	}
	return []string{fmt.Sprintf("%s: %.60s is not %s", at, text, want)}
}

func ofText(least, most int) kindOf {
	return func(at string, v any) []string {
		if s, ok := v.(string); !ok || len(s) < least || len(s) > most {
			return wrong(at, v, fmt.Sprintf("a text of %d to %d characters", least, most))
		}
		return nil
	}
}

func ofWhole(least, most float64) kindOf {
	return func(at string, v any) []string {
		if n, ok := v.(float64); !ok || n < least || n > most || n != math.Trunc(n) {
			return wrong(at, v, fmt.Sprintf("a whole number from %v to %v", least, most))
		}
		return nil
	}
}

func oneOf(values ...any) kindOf {
	return func(at string, v any) []string {
		if !slices.Contains(values, v) {
			return wrong(at, v, fmt.Sprint("one of ", values))
		}
		return nil
	}
}

func listOf(each kindOf) kindOf {
	return func(at string, v any) (faults []string) {
		list, ok := v.([]any)
		if !ok {
			return wrong(at, v, "a list")
		}
		for i, one := range list {
			faults = append(faults, each(fmt.Sprintf("%s[%d]", at, i), one)...)
		}
		return faults
	}
}

// either is a value of one of two kinds.
func either(a, b kindOf) kindOf {
	return func(at string, v any) []string {
		if faults := a(at, v); len(faults) == 0 {
			return nil
		}
		return b(at, v)
	}
}

func anything(string, any) []string { return nil }

// fieldsOf is an object. A name that ends with "!" must be there, and "..." allows fields of
// other names, as a definition of Grafana's schema does that is open.
type fieldsOf map[string]kindOf

func (f fieldsOf) kind(at string, v any) (faults []string) {
	object, ok := v.(map[string]any)
	if !ok {
		return wrong(at, v, "an object")
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		of := f[name]
		if of == nil {
			of = f[name+"!"]
		}
		switch {
		case of != nil:
			faults = append(faults, of(at+"."+name, object[name])...)
		case f["..."] == nil:
			faults = append(faults, fmt.Sprintf("%s has no field %s", at, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if must, required := strings.CutSuffix(name, "!"); required && object[must] == nil {
			faults = append(faults, fmt.Sprintf("%s lacks %s", at, must))
		}
	}
	return faults
}

// The kinds are those of Grafana's published schema: of dashboards, panels, variables and
// annotations in kinds/dashboard/dashboard_kind.cue, of the options that panels share in
// packages/grafana-schema/src/common/mudball.cue, both of github.com/grafana/grafana, and of
// queries in schemas/composable/prometheus/dataquery.cue of github.com/grafana/cog. Fields
// that no dashboard of ours has are left out: one that is added must be looked up.
var (
	anyWords  = ofText(0, math.MaxInt)
	someWords = ofText(1, math.MaxInt)
	yesOrNo   = oneOf(true, false)
	anyNumber = kindOf(func(at string, v any) []string {
		if _, ok := v.(float64); !ok {
			return wrong(at, v, "a number")
		}
		return nil
	})
	dataSource = fieldsOf{"type": someWords, "uid": someWords}.kind

	grafanaVariable = fieldsOf{
		"type!": oneOf("query", "adhoc", "constant", "datasource", "interval", "textbox", "custom", "system"), "name!": someWords,
		"label": anyWords, "hide": oneOf(0.0, 1.0, 2.0), "skipUrlSync": yesOrNo, "query": either(someWords, fieldsOf{"query!": someWords, "refId!": someWords}.kind), "datasource": dataSource,
		"refresh": oneOf(0.0, 1.0, 2.0), "sort": ofWhole(0, 8), "multi": yesOrNo, "includeAll": yesOrNo, "allValue": anyWords, "current": fieldsOf{"...": anything}.kind, "...": anything,
	}.kind
	grafanaAnnotation = fieldsOf{"name!": someWords, "datasource!": dataSource, "enable": yesOrNo, "hide": yesOrNo, "iconColor!": someWords, "...": anything}.kind
	grafanaTarget     = fieldsOf{
		"refId!": someWords, "expr!": someWords, "datasource": dataSource, "legendFormat": anyWords, "instant": yesOrNo, "range": yesOrNo, "exemplar": yesOrNo,
		"format": oneOf("time_series", "table", "heatmap"), "editorMode": oneOf("code", "builder"),
	}.kind

	grafanaThresholds = fieldsOf{
		"mode!": oneOf("absolute", "percentage"),
		// The first step has no value: it begins below every anyNumber.
		"steps!": listOf(fieldsOf{"color!": someWords, "value": either(anyNumber, oneOf(nil))}.kind),
	}.kind
	grafanaFields = fieldsOf{
		"defaults!":  fieldsOf{"unit": someWords, "decimals": anyNumber, "min": anyNumber, "max": anyNumber, "noValue": anyWords, "displayName": anyWords, "thresholds": grafanaThresholds, "custom": fieldsOf{"...": anything}.kind}.kind,
		"overrides!": listOf(fieldsOf{"matcher!": fieldsOf{"id!": someWords, "options": anything}.kind, "properties!": listOf(fieldsOf{"id!": someWords, "value": anything}.kind)}.kind),
	}.kind

	// grafanaOptions are those of each type of panel.
	grafanaOptions = map[string]kindOf{
		"stat": fieldsOf{
			"reduceOptions!": fieldsOf{"calcs!": listOf(someWords), "fields": anyWords, "values": yesOrNo, "limit": anyNumber}.kind, "orientation!": oneOf("auto", "vertical", "horizontal"),
			"colorMode": oneOf("value", "background", "none"), "graphMode": oneOf("none", "line", "area"), "justifyMode": oneOf("auto", "center"),
			"textMode": oneOf("auto", "value", "value_and_name", "name", "none"),
		}.kind,
		"timeseries": fieldsOf{
			"legend!":  fieldsOf{"displayMode!": oneOf("list", "table", "hidden"), "placement!": oneOf("bottom", "right"), "showLegend!": yesOrNo, "calcs!": listOf(someWords)}.kind,
			"tooltip!": fieldsOf{"mode!": oneOf("single", "multi", "none"), "sort!": oneOf("asc", "desc", "none")}.kind,
		}.kind,
		"table": fieldsOf{"showHeader!": yesOrNo, "frameIndex": ofWhole(0, math.MaxInt32)}.kind,
	}

	grafanaDashboard = fieldsOf{
		"uid": ofText(8, 40), "title": someWords, "description": anyWords, "tags": listOf(someWords), "timezone": someWords, "editable": yesOrNo, "graphTooltip": oneOf(0.0, 1.0, 2.0),
		"time": fieldsOf{"from!": someWords, "to!": someWords}.kind, "refresh": either(anyWords, oneOf(false)), "version": ofWhole(0, math.MaxUint32),
		// Grafana changes dashboards of older versions when it loads them.
		"schemaVersion!": ofWhole(36, math.MaxUint16),
		"panels":         listOf(grafanaPanel), "templating": fieldsOf{"list": listOf(grafanaVariable)}.kind, "annotations": fieldsOf{"list": listOf(grafanaAnnotation)}.kind,
	}.kind
)

// grafanaPanel is a panel, whose type says which options it has.
func grafanaPanel(at string, v any) []string {
	object, ok := v.(map[string]any)
	if !ok {
		return wrong(at, v, "an object")
	}
	kind, _ := object["type"].(string)
	options := grafanaOptions[kind]
	if options == nil {
		return wrong(at+".type", object["type"], fmt.Sprint("one of ", slices.Sorted(maps.Keys(grafanaOptions))))
	}
	return fieldsOf{
		"type!": someWords, "id": ofWhole(0, math.MaxUint32), "title": someWords, "description": anyWords, "transparent": yesOrNo, "datasource": dataSource,
		"gridPos": fieldsOf{"h!": ofWhole(1, 1e3), "w!": ofWhole(1, 24), "x!": ofWhole(0, 23), "y!": ofWhole(0, 1e5)}.kind,
		"targets": listOf(grafanaTarget), "fieldConfig!": grafanaFields, "options!": options,
		"transformations": listOf(fieldsOf{"id!": someWords, "options!": fieldsOf{"...": anything}.kind, "disabled": yesOrNo}.kind),
	}.kind(at, v)
}

func schemaFaults(text []byte) []string {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return []string{err.Error()}
	}
	return grafanaDashboard("dashboard", v)
}

// The dashboard that ships has the fields that Grafana's schema asks for, and each field is
// of the kind that it says.
func TestGrafanaSchema(t *testing.T) {
	text, err := os.ReadFile("../../scripts/grafana/tunbench.json")
	if err != nil {
		t.Fatal(err)
	}
	if faults := schemaFaults(text); len(faults) > 0 {
		t.Error(strings.Join(faults, "\n"))
	}
	for edit, want := range map[[2]string]string{
		{`"uid": "tunbench"`, `"uid": "bench"`}:                                 `dashboard.uid: "bench" is not a text of 8 to 40 characters`,
		{`"schemaVersion": 39,`, ``}:                                            `dashboard lacks schemaVersion`,
		{`"schemaVersion": 39,`, `"schemaVersion": "39",`}:                      `dashboard.schemaVersion: "39" is not a whole number`,
		{`"graphTooltip": 1`, `"graphTooltip": 3`}:                              `dashboard.graphTooltip: 3 is not one of [0 1 2]`,
		{`"editable": true`, `"editable": 1`}:                                   `dashboard.editable: 1 is not one of [true false]`,
		{`"type": "datasource"`, `"type": "source"`}:                            `dashboard.templating.list[0].type: "source" is not one of`,
		{`"name": "scenario"`, `"nome": "scenario"`}:                            `dashboard.templating.list[1] lacks name`,
		{`"refresh": 2`, `"refresh": 3`}:                                        `dashboard.templating.list[1].refresh: 3 is not one of`,
		{`"iconColor": "orange"`, `"colour": "orange"`}:                         `dashboard.annotations.list[0] lacks iconColor`,
		{`"type": "stat"`, `"type": "singlestat"`}:                              `dashboard.panels[0].type: "singlestat" is not one of [stat table timeseries]`,
		{`"type": "stat"`, `"type": "table"`}:                                   `dashboard.panels[0].options has no field colorMode`,
		{`"noValue":`, `"noValues":`}:                                           `dashboard.panels[0].fieldConfig.defaults has no field noValues`,
		{`"mode": "absolute"`, `"mode": "relative"`}:                            `dashboard.panels[0].fieldConfig.defaults.thresholds.mode: "relative" is not one of`,
		{`"color": "green"`, `"colour": "green"`}:                               `steps[0] lacks color`,
		{`"colorMode": "background"`, `"colorMode": "back"`}:                    `dashboard.panels[0].options.colorMode: "back" is not one of`,
		{`"expr": "sum(tunbench_verdicts{`, `"query": "sum(tunbench_verdicts{`}: `dashboard.panels[0].targets[0] lacks expr`,
		{`"format": "table"`, `"format": "list"`}:                               `format: "list" is not one of [time_series table heatmap]`,
		{`"instant": true`, `"instant": "true"`}:                                `instant: "true" is not one of [true false]`,
		{`"showLegend": true`, `"showLegend": "yes"`}:                           `options.legend.showLegend: "yes" is not one of`,
		{`"id": "merge"`, `"name": "merge"`}:                                    `transformations[0] lacks id`,
		{`"w": 24`, `"w": 25`}:                                                  `gridPos.w: 25 is not a whole number from 1 to 24`,
		{`"panels": [`, `"panels": [[],`}:                                       `dashboard.panels[0]: [] is not an object`,
		{`"panels": [`, `"rows": [], "panels": [`}:                              `dashboard has no field rows`,
	} {
		bad := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(bad, text) {
			t.Errorf("there is no %s", edit[0])
		} else if faults := strings.Join(schemaFaults(bad), "\n"); !strings.Contains(faults, want) {
			t.Errorf("%s: no %q in %q", edit[1], want, faults)
		}
	}
}
