package main

// limits of what has one.
var limits = map[string]int{
	ofPackage:   2500,
	ofFile:      400,
	ofFunction:  80,
	ofInterface: 5,
	ofMethods:   0,
}

// rules is the order of the packages, from the commands down to the vocabulary
// that all share. A package imports only what its rule names, and only packages
// below it: so no circle can close.
var rules = []rule{
	{"scripts/structure", ""},

	// Commands: flags and wiring.
	{"bench/cmd/tunbench", "bench/* harness harness/spec harness/refusal harness/vm harness/vm/* reports/* reports/document/*"},

	// What to measure, and in which order.
	{"bench/compare", "bench/plan bench/setup bench/suite harness harness/refusal harness/spec reports/record reports/stat"},
	{"bench/plan", "bench/search bench/setup bench/suite harness harness/refusal harness/spec reports/record reports/stat"},
	{"bench/search", "bench/setup bench/suite harness/spec reports/record reports/stat"},
	{"bench/setup", "bench/suite harness/spec"},
	{"bench/suite", ""},

	// One trial: its entry points, its phases, and then what the packets cross,
	// what sends them and what accounts for them.
	{"harness", "harness/* bpf bpf/hist reports/record"},

	// One noun each, for the packages above.
	{"harness/condition", "harness/host reports/record"},
	{"harness/refusal", "harness/call harness/host harness/netns harness/tuntap harness/uring harness/vhost bpf reports/record"},
	{"harness/spec", "harness/iperf harness/packet harness/sink bpf reports/record"},

	{"harness/carry", "harness/socket harness/packet harness/seal harness/worker harness/uring harness/vhost"},
	{"harness/sink", "harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist"},
	{"harness/traffic", "harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist"},
	{"harness/stream", "harness/call harness/socket harness/packet harness/worker bpf/hist"},
	{"harness/host", "reports/record"},
	{"harness/iperf", "harness/socket"},
	{"harness/netns", ""},
	{"harness/packet", ""},
	{"harness/seal", ""},
	{"harness/tuntap", ""},
	{"harness/uring", ""},
	{"harness/vhost", "harness/call"},
	{"harness/vm", "harness/vm/guest harness/vm/kernel"},
	{"harness/vm/guest", ""},
	{"harness/vm/kernel", ""},
	{"harness/wireguard", ""},
	{"harness/worker", ""},
	{"harness/socket", "harness/call"},
	{"harness/call", ""},

	// What the kernel counts.
	{"bpf", "bpf/hist"},
	{"bpf/hist", ""},

	// What is written from the judged figures, what judges and computes them, and
	// the records that they come from.
	{"reports/export", "reports/* reports/document/*"},
	{"reports/render", "reports/* reports/document/*"},
	{"reports/document/run", "reports/document reports/chart reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/compare", "reports/document reports/chart reports/verdict reports/figure reports/metric reports/text reports/axis reports/prose reports/record"},
	{"reports/document/kernels", "reports/document reports/chart reports/verdict reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/history", "reports/document reports/chart reports/series reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document", "reports/chart reports/figure reports/metric reports/text reports/prose reports/record"},
	{"reports/chart", "reports/metric reports/text"},
	{"reports/history", "reports/series reports/verdict reports/aa reports/disk reports/record"},
	{"reports/series", "reports/verdict reports/figure reports/metric reports/text reports/axis reports/record reports/stat"},
	{"reports/verdict", "reports/figure reports/metric reports/text reports/axis reports/record reports/stat"},
	{"reports/figure", "reports/metric reports/text reports/axis reports/record reports/stat"},
	{"reports/metric", "reports/text reports/axis reports/record reports/stat"},
	{"reports/axis", "reports/record"},
	{"reports/text", ""},
	{"reports/aa", "reports/disk reports/record"},
	{"reports/disk", ""},
	{"reports/screen", ""},
	{"reports/prose/prosetest", "reports/prose"},
	{"reports/prose", ""},
	{"reports/stat", ""},
	{"reports/record", ""},
}

// users are the dependencies that a few packages hide from all others.
var users = []user{
	{"github.com/chromedp", "reports/export"},
	{"github.com/cilium/ebpf", "bpf"},
	{"github.com/montanaflynn/stats", "reports/stat"},
	{"github.com/olekukonko/tablewriter", "reports/render"},
	{"github.com/prometheus/common", "reports/export"},
	{"github.com/prometheus/prometheus", "reports/export"},
	{"github.com/spf13/cobra", "bench/cmd/tunbench"},
	{"golang.org/x/perf", "reports/export"},
}

// exceptions to the limits. A pattern with * is for a package that is yet to be
// split, and goes with it.
var exceptions = []exception{
	{ofPackage, "bench/cmd/tunbench", "is to be split"},
	{ofPackage, "harness", "is to be split"},
	{ofFile, "bench/cmd/tunbench/*.go", "are to be split"},
	{ofFile, "harness/*.go", "are to be split"},
	{ofFile, "reports/document/kernels/*.go", "are to be split"},
	{ofFile, "reports/verdict/*.go", "are to be split"},
	{ofFunction, "bench/cmd/tunbench.*", "are to be split"},
	{ofFunction, "reports/chart.*", "are to be split"},
	{ofFunction, "reports/document/kernels.*", "are to be split"},
	{ofFunction, "reports/figure.*", "are to be split"},
	{ofFunction, "reports/render.*", "are to be split"},
	{ofInterface, "harness.*", "are to be split"},
	{ofMethods, "bench/plan.*", "are to move"},
	{ofMethods, "bench/compare.*", "are to move"},
	{ofMethods, "bench/cmd/tunbench.*", "are to move"},
	{ofMethods, "harness.*", "are to move"},
}
