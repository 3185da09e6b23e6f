#!/usr/bin/env bash
# Proves that imports go one way: bench -> harness -> bpf, with reports/record
# as the shared vocabulary, and that a dependency stays where it belongs.
# Prints every edge that breaks a rule; exit code 1 if there is one.
#
#   scripts/check-imports.sh [DIR]      DIR: root of the module, default: this one
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

go=${GO:-go}
module=$("$go" list -m)

# What each package may import of the module, as bash patterns. The first rule
# whose package matches counts; a package without a rule breaks the rules.
# reports/record and bpf/hist are vocabulary: they import nothing of the module.
rules=(
	'bench/cmd/tunbench: bench harness/vm reports reports/aa reports/history reports/record reports/screen'
	'bench: harness bench/mlr reports/record reports/stat'
	'bench/mlr:'
	'harness: harness/* bpf bpf/hist reports/record'
	'harness/sink: harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist'
	'harness/traffic: harness/call harness/socket harness/packet harness/worker harness/uring harness/vhost bpf/hist'
	'harness/carry: harness/packet harness/seal harness/worker harness/uring harness/vhost'
	'harness/stream: harness/call harness/socket harness/packet harness/worker bpf/hist'
	'harness/host: reports/record'
	'harness/harnesstest: harness harness/* bpf reports/record'
	'harness/socket: harness/call'
	'harness/vhost: harness/call'
	'harness/*:'
	'bpf: bpf/hist'
	'bpf/hist:'
	'reports: reports/record reports/screen reports/stat'
	'reports/aa: reports/record'
	'reports/history: reports reports/aa reports/record'
	'reports/record:'
	'reports/screen:'
	'reports/stat:'
)
# Dependencies with one user, tests included.
only=(
	'github.com/chromedp/* reports'
	'github.com/cilium/ebpf* bpf'
	'github.com/montanaflynn/stats* reports/stat'
	'github.com/olekukonko/tablewriter* reports'
	'github.com/prometheus/* reports'
	'github.com/spf13/cobra* bench/cmd/tunbench'
	'golang.org/x/perf* reports'
)

# Standard packages come along but match no rule. An edge of a test is marked:
# tests may reach for fakes and for the layers below, so that only the
# dependencies are checked for them.
# shellcheck disable=SC2016 # a template, not shell
edges=$("$go" list -tags browser -f '{{$p := .ImportPath}}{{range .Imports}}code {{$p}} {{.}}
{{end}}{{range .TestImports}}test {{$p}} {{.}}
{{end}}{{range .XTestImports}}test {{$p}} {{.}}
{{end}}' ./...)

allowed() { # PACKAGE IMPORT, both relative to the module
	local rule pattern may
	for rule in "${rules[@]}"; do
		pattern=${rule%%:*}
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $1 == $pattern ]] || continue
		read -ra may <<<"${rule#*:}"
		for pattern in ${may[@]+"${may[@]}"}; do
			# shellcheck disable=SC2053
			if [[ $2 == $pattern ]]; then return 0; fi
		done
		return 1
	done
	return 1
}

status=0
while read -r kind from to; do
	[[ -n $kind ]] || continue
	from=${from#"$module/"}
	if [[ $kind == code && $to == "$module/"* ]] && ! allowed "$from" "${to#"$module/"}"; then
		echo "$from imports ${to#"$module/"}: not allowed"
		status=1
	fi
	for rule in "${only[@]}"; do
		read -r dependency owner <<<"$rule"
		# shellcheck disable=SC2053
		if [[ $to == $dependency && $from != "$owner" ]]; then
			echo "$from imports $to: only $owner may"
			status=1
		fi
	done
done <<<"$edges"
exit "$status"
