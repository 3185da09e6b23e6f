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
	{"scripts/forwarder", ""},

	// Commands: flags and wiring.
	{"bench/cmd/tunbench", "bench/* harness harness/doctor harness/module harness/program harness/swap harness/vm harness/vm/* reports/*"},

	// What to measure, and in which order.
	{"bench/manual", ""},
	{"bench/history", "bench/completion bench/suite reports/export reports/history reports/metric reports/record reports/render reports/series"},
	{"bench/completion", "bench/suite harness/vm/kernel reports/curve reports/metric reports/record"},
	{"bench/watch", "harness/watch reports/document reports/document/watch reports/live reports/watched reports/render reports/screen reports/stat reports/text"},
	{"bench/listing", "bench/plan bench/suite reports/record"},
	{"bench/checkup", "bench/compare harness/doctor reports/aa reports/document reports/metric reports/record reports/screen"},
	{"bench/kernels", "bench/boot bench/plan bench/progress bench/suite harness harness/vm harness/vm/* reports/document/study reports/metric reports/record reports/render reports/study reports/text reports/verdict"},
	{"bench/boot", "bench/folder bench/progress bench/suite harness harness/vm harness/vm/* reports/disk reports/record reports/render"},
	{"bench/progress", "bench/plan reports/record reports/screen"},
	{"bench/folder", "bench/plan harness/vm/guest reports/disk reports/record"},
	{"bench/userns", ""},
	{"bench/interrupt", ""},
	{"bench/job", "reports/disk reports/github reports/record reports/requirement reports/verdict"},
	{"bench/compare", "bench/plan bench/setup bench/suite harness/module harness/profile harness/trial harness/refusal harness/spec reports/aa reports/metric reports/record reports/shift reports/stat reports/verdict"},
	{"bench/plan", "bench/search bench/setup bench/suite harness/block harness/module harness/profile harness/refusal harness/spec harness/trial reports/record reports/requirement reports/stat"},
	{"bench/search", "bench/setup bench/suite harness/spec reports/record reports/stat"},
	{"bench/setup", "bench/suite harness/spec"},
	{"bench/suite", "harness/qdisc reports/metric reports/record"},

	// One trial: its entry points, its phases, and then what the packets cross,
	// what sends them and what accounts for them.
	{"harness", "harness/block harness/doctor harness/host harness/module harness/profile harness/spec harness/swap harness/trial bpf reports/record"},
	{"harness/swap", "harness/module harness/refusal harness/vm/kernel harness/watch bpf"},
	{"harness/watch", "harness/account harness/device harness/doctor harness/netns harness/tuntap bpf reports/live reports/record"},
	{"harness/block", "harness/condition harness/host harness/spec harness/trial bpf reports/record"},
	{"harness/trial", "harness/account harness/condition harness/conversation harness/device harness/flag harness/host harness/hypervisor harness/load harness/path harness/probe harness/profile harness/refusal harness/sink harness/spec harness/traffic harness/worker bpf reports/record"},
	{"harness/profile", "bpf reports/record"},
	{"harness/flag", "harness/account harness/condition harness/host reports/record"},
	{"harness/doctor", "harness/account harness/condition harness/device harness/host harness/netns harness/packet harness/refusal harness/socket harness/spec harness/tuntap harness/uring harness/vhost bpf reports/record"},

	// What makes the traffic, what it crosses, and what accounts for it.
	{"harness/conversation", "harness/account harness/iperf harness/netns harness/packet harness/path harness/refusal harness/spec harness/stream harness/worker bpf/hist reports/record"},
	{"harness/hypervisor", "harness/account harness/device harness/host harness/load harness/netns harness/packet harness/path harness/refusal harness/sink harness/spec harness/traffic harness/vhost harness/vm harness/vm/peer harness/vm/guest harness/vm/kernel harness/worker bpf reports/record"},
	{"harness/vm/peer", "harness/device harness/load harness/netns harness/packet harness/sink harness/spec harness/traffic harness/worker"},
	{"harness/load", "harness/account harness/call harness/device harness/host harness/netns harness/packet harness/path harness/path/foreign harness/refusal harness/sink harness/socket harness/spec harness/traffic harness/worker bpf reports/record"},
	{"harness/path/foreign", "harness/account harness/device harness/netns harness/packet harness/path harness/program harness/refusal harness/socket harness/spec harness/traffic harness/worker bpf reports/record"},
	{"harness/path", "harness/account harness/call harness/forward harness/device harness/netns harness/refusal harness/seal harness/sink harness/socket harness/spec harness/tuntap harness/vhost harness/wireguard harness/worker bpf reports/record"},
	{"harness/device", "harness/account harness/netns harness/packet harness/refusal harness/sink harness/spec harness/traffic harness/tuntap harness/vhost harness/worker bpf reports/record"},
	{"harness/account", "harness/host harness/packet harness/sink harness/spec harness/traffic harness/worker bpf/hist reports/record"},
	{"harness/condition", "harness/host reports/record"},
	{"harness/refusal", "harness/call harness/host harness/netns harness/tuntap harness/uring harness/vhost bpf reports/record"},
	{"harness/spec", "harness/iperf harness/module harness/packet harness/program harness/qdisc harness/sink bpf reports/record"},

	{"harness/forward", "harness/socket harness/packet harness/seal harness/worker harness/uring harness/vhost"},
	{"harness/sink", "harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist"},
	{"harness/traffic", "harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist"},
	{"harness/probe", "harness/call harness/socket harness/worker bpf/hist"},
	{"harness/stream", "harness/call harness/socket harness/worker bpf/hist"},
	{"harness/host", "reports/record"},
	{"harness/iperf", "harness/socket"},
	{"harness/module", "harness/vm/kernel"},
	{"harness/netns", "harness/qdisc"},
	{"harness/packet", ""},
	{"harness/program", ""},
	{"harness/qdisc", ""},
	{"harness/seal", ""},
	{"harness/tuntap", ""},
	{"harness/uring", ""},
	{"harness/vhost", "harness/call"},
	{"harness/vm/vmtest", "harness/vm harness/vm/guest harness/vm/kernel"},
	{"harness/vm", "harness/vm/guest harness/vm/kernel"},
	{"harness/vm/guest", ""},
	{"harness/vm/kernel", ""},
	{"harness/module/moduletest", ""},
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
	{"reports/github", "reports/* reports/document/*"},
	{"reports/render", "reports/* reports/document/*"},
	{"reports/commit", "reports/document reports/document/compare reports/document/kernels reports/axis reports/metric reports/prose reports/record reports/screen reports/text reports/verdict"},
	{"reports/document/run", "reports/document reports/document/curve reports/document/profile reports/document/ladder reports/document/program reports/document/question reports/document/queue reports/chart reports/requirement reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/compare", "reports/document reports/document/profile reports/chart reports/shift reports/verdict reports/figure reports/metric reports/text reports/axis reports/prose reports/record"},
	{"reports/document/kernels", "reports/document reports/document/profile reports/flame reports/chart reports/verdict reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/study", "reports/document reports/chart reports/study reports/flame reports/verdict reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/history", "reports/document reports/chart reports/series reports/figure reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/document/watch", "reports/document reports/chart reports/figure reports/live reports/prose reports/text reports/watched"},
	{"reports/document/queue", "reports/document reports/document/question reports/chart reports/figure reports/prose reports/record reports/text"},
	{"reports/document/profile", "reports/document reports/chart reports/flame reports/text reports/prose reports/record"},
	{"reports/document/curve", "reports/document reports/chart reports/curve reports/figure reports/metric reports/text reports/prose reports/record"},
	{"reports/document/program", "reports/document reports/document/question reports/chart reports/figure reports/text reports/axis reports/prose reports/record"},
	{"reports/document/ladder", "reports/document reports/document/question reports/chart reports/figure reports/metric reports/prose reports/record"},
	{"reports/document/question", "reports/document reports/chart reports/figure reports/text reports/axis reports/prose"},
	{"reports/document", "reports/chart reports/figure reports/metric reports/text reports/prose reports/record"},
	{"reports/raster", ""},
	{"reports/chart/charttest", "reports/chart reports/text"},
	{"reports/chart", "reports/metric reports/text"},
	{"reports/history", "reports/series reports/verdict reports/aa reports/disk reports/record"},
	{"reports/study", "reports/verdict reports/axis reports/record"},
	{"reports/series", "reports/verdict reports/figure reports/metric reports/text reports/axis reports/record reports/stat"},
	{"reports/verdict", "reports/figure reports/metric reports/shift reports/text reports/axis reports/record reports/stat"},
	{"reports/requirement", "reports/figure reports/metric reports/text reports/record reports/stat"},
	{"reports/watched", "reports/figure reports/live reports/record"},
	{"reports/curve", "reports/figure reports/metric reports/axis reports/record reports/stat"},
	{"reports/figure", "reports/metric reports/text reports/axis reports/prose reports/record reports/stat"},
	{"reports/flame", "reports/record reports/stat"},
	{"reports/metric", "reports/text reports/axis reports/record reports/stat"},
	{"reports/shift", "reports/stat"},
	{"reports/axis", "reports/record"},
	{"reports/screen", "reports/text"},
	{"reports/text", ""},
	{"reports/aa", "reports/disk reports/record"},
	{"reports/disk", "reports/record"},
	{"reports/prose/prosetest", "reports/prose"},
	{"reports/prose", ""},
	{"reports/stat", ""},
	{"reports/fixture", "reports/record"},
	{"reports/live", "reports/record"},
	{"reports/record", ""},
}

// users are the dependencies that a few packages hide from all others.
var users = []user{
	{"github.com/blakesmith/ar", "harness/vm/kernel"},
	{"github.com/cavaliergopher/cpio", "harness/vm"},
	{"github.com/chromedp", "reports/export"},
	{"github.com/cilium/ebpf", "bpf"},
	{"github.com/clipperhouse/displaywidth", "reports/screen"},
	{"github.com/klauspost/compress", "harness/vm/kernel"},
	{"github.com/google/pprof", "harness/profile"},
	{"github.com/mattn/go-isatty", "reports/screen"},
	{"github.com/montanaflynn/stats", "reports/stat"},
	{"github.com/olekukonko/tablewriter", "reports/render"},
	{"github.com/prometheus/common", "reports/export"},
	{"github.com/spf13/cobra", "bench/cmd/tunbench bench/completion bench/history bench/manual"},
	{"github.com/ulikunitz/xz", "harness/vm/kernel"},
	{"golang.org/x/crypto", "harness/seal"},
	{"golang.org/x/image", "reports/raster"},
	{"golang.org/x/perf", "reports/export"},
}

// exceptions to the limits, each with its reason. There are none.
var exceptions = []exception{}
