package profile

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/google/pprof/profile"

	"tunbench/reports/record"
)

// Block is the samples of one trial.
type Block struct {
	*Samples
	Pkts uint64
	// Weight is the cost that a sample stands for, in ns or instructions.
	Weight float64
}

// File is the profiles of one side: of a run, or of one variant of tunbench ab. Each
// sample has its scenario as a label.
type File struct {
	unit      string
	scenarios []scenario
}

type scenario struct {
	name   string
	blocks []Block
}

// NewFile begins a file whose costs are in that unit: record.ProfileNs or
// record.ProfileInstructions.
func NewFile(unit string) *File { return &File{unit: unit} }

// Add adds what was sampled of a scenario.
func (f *File) Add(name string, blocks []Block) {
	f.scenarios = append(f.scenarios, scenario{name, blocks})
}

// perPackets is of how many packets a profile gives the cost: its values are whole
// numbers.
const perPackets = 1000

// Bytes is the file for pprof. It has three values for each stack: the number of samples;
// the cost of all that was sampled; and, shown unless another one is asked for, the cost
// of 1000 delivered packets, by which two profiles can be compared.
func (f *File) Bytes() ([]byte, error) {
	cost := &profile.ValueType{Type: "cpu", Unit: "nanoseconds"}
	if f.unit == record.ProfileInstructions {
		cost = &profile.ValueType{Type: record.ProfileInstructions, Unit: "count"}
	}
	each := &profile.ValueType{Type: cost.Type + "_per_1000_packets", Unit: cost.Unit}
	b := builder{
		Profile: &profile.Profile{
			SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, cost, each}, DefaultSampleType: each.Type,
			PeriodType: cost,
			Comments:   []string{fmt.Sprintf("tunbench: %s is the cost of %d delivered packets, softirqs included, in trials whose stacks were sampled", each.Type, perPackets)},
		},
		objects: map[string]*profile.Mapping{}, places: map[Frame]*profile.Location{},
	}
	for _, s := range f.scenarios {
		b.add(s)
	}
	if err := b.CheckValid(); err != nil {
		return nil, fmt.Errorf("make a profile for pprof: %w", err)
	}
	var out bytes.Buffer
	if err := b.Write(&out); err != nil {
		return nil, fmt.Errorf("make a profile for pprof: %w", err)
	}
	return out.Bytes(), nil
}

// builder makes a pprof profile.
type builder struct {
	*profile.Profile
	objects map[string]*profile.Mapping
	places  map[Frame]*profile.Location
}

func (b builder) add(s scenario) {
	type sum struct {
		count uint64
		cost  float64
	}
	sums := map[string]*sum{}
	var stacks []Stack // each once
	pkts := uint64(0)
	for _, block := range s.blocks {
		pkts += block.Pkts
		b.Period = cmp.Or(b.Period, int64(math.Round(block.Weight)))
		for _, stack := range block.Stacks {
			key := stack.key()
			if sums[key] == nil {
				sums[key] = new(sum)
				stacks = append(stacks, stack)
			}
			sums[key].count += stack.Count
			sums[key].cost += block.Weight * float64(stack.Count)
		}
	}
	if pkts == 0 {
		return
	}
	for _, stack := range stacks {
		got := sums[stack.key()]
		sample := &profile.Sample{
			Value: []int64{int64(got.count), int64(math.Round(got.cost)), int64(math.Round(perPackets * got.cost / float64(pkts)))},
			Label: map[string][]string{"scenario": {s.name}},
		}
		for _, frame := range slices.Backward(stack.Frames) { // pprof has the innermost first
			sample.Location = append(sample.Location, b.place(frame))
		}
		b.Sample = append(b.Sample, sample)
	}
}

// place is the location of a function. All of its addresses are one: what is compared is
// functions, also of kernels whose code lies elsewhere.
func (b builder) place(f Frame) *profile.Location {
	if l := b.places[f]; l != nil {
		return l
	}
	of := cmp.Or(f.Of, "tunbench")
	object := b.objects[of]
	if object == nil {
		// That it has functions keeps pprof from looking for the file.
		object = &profile.Mapping{ID: uint64(len(b.Mapping) + 1), File: of, HasFunctions: true}
		b.objects[of] = object
		b.Mapping = append(b.Mapping, object)
	}
	function := &profile.Function{ID: uint64(len(b.Function) + 1), Name: f.Name, SystemName: f.Name, Filename: of}
	b.Function = append(b.Function, function)
	l := &profile.Location{ID: uint64(len(b.Location) + 1), Mapping: object, Line: []profile.Line{{Function: function}}}
	b.Location = append(b.Location, l)
	b.places[f] = l
	return l
}
