#!/usr/bin/env bash
# Measures the cost of observation: packet rates bare, with tunbench's eBPF programs,
# and with a bpftrace script that counts the same events (scripts/tun.bt).
#
#   scripts/compare-bpftrace.sh [--pairs 10] [--hook auto] [--io spin]
#                               [--cpus SENDER,READER] [--size 64] [--measure 1]
#                               [--warmup 0.25] [--seed N] [--check] [--json]
#
# --hook  how tunbench observes: auto, kprobe, fentry or tracepoint
# --io    how tunbench reads the device: read, poll or spin
# --check exit with 1 if the median cost of tunbench's observation exceeds 5 %
# --json  print one object per block, then a summary for each of the two
#
# The cost is 1 - rate/bare within a block. Times are in seconds. Needs root (uses
# sudo), bpftrace, jq, Go and two CPUs. File systems that bpftrace needs are
# mounted in a mount namespace of its own and disappear with it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/compare.bash
. scripts/compare.bash

goal=0.05
hook=auto io=spin check=false built=false
args=("$@")
while (($#)); do
	case $1 in
	-h | --help) usage && exit 0 ;;
	--built) built=true && shift && continue ;;
	--check) check=true && shift && continue ;;
	--json) json=true && shift && continue ;;
	esac
	(($# > 1)) || die "$1: no such flag, or its value is missing; --help lists the flags"
	case $1 in
	--hook)
		[[ $2 =~ ^(auto|kprobe|fentry|tracepoint)$ ]] || die "--hook $2: choose auto, kprobe, fentry or tracepoint"
		hook=$2
		;;
	--io)
		[[ $2 =~ ^(read|poll|spin)$ ]] || die "--io $2: choose read, poll or spin"
		io=$2
		;;
	*) option "$1" "$2" || die "$1: no such flag; --help lists the flags" ;;
	esac
	shift 2
done

need jq awk bpftrace unshare
if ! $built; then
	make --silent --no-print-directory build
	((EUID == 0)) || exec scripts/as-root.sh -- "$PWD/scripts/$self" --built ${args[@]+"${args[@]}"}
fi
begin

tracer=
stop_tracer() {
	[[ -n $tracer ]] || return 0
	kill -INT "$tracer" 2>/dev/null || true
	wait "$tracer" || true
	tracer=
}
trap 'stop_tracer; rm -rf "$work"' EXIT

# start_tracer DEVICE attaches bpftrace and returns when it is attached.
start_tracer() {
	local try
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private bash -c '
		mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
		mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
		exec bpftrace scripts/tun.bt "$1"' bash "$1" >"$work/tracer" 2>&1 </dev/null &
	tracer=$!
	for ((try = 0; try < 300; try++)); do
		if grep -q '^attached' "$work/tracer"; then return; fi
		kill -0 "$tracer" 2>/dev/null || break
		sleep 0.1
	done
	cat "$work/tracer" >&2
	die "bpftrace did not attach"
}

# measure_arm ARM puts the packet rate into $pps.
measure_arm() {
	local seen
	case $1 in
	bare) tunbench_trial "$io" --arm bare --hook none ;;
	observed) tunbench_trial "$io" --arm observed --hook "$hook" ;;
	bpftrace)
		start_tracer "$device"
		tunbench_trial "$io" --arm bare --hook none
		stop_tracer
		# A script that saw nothing would cost nothing.
		seen=$(awk '/^@xmit_pkts/ { n += $2 } END { print n + 0 }' "$work/tracer")
		((seen >= $(jq .accounting.accepted <<<"$trial"))) ||
			die "bpftrace saw $seen packets of $(jq .accounting.accepted <<<"$trial")"
		;;
	esac
	pps=$(jq .metrics.pps <<<"$trial")
}

# One trial outside of the blocks, to learn how tunbench names its device.
measure_arm bare
device=$(jq -r .device.name <<<"$trial")

arms=(bare observed bpftrace)
if ! $json; then
	echo "cost of observation: io=$io, $size bytes, CPUs $cpus, $measure s per trial, seed $seed"
	printf '%5s %12s %12s %7s %12s %7s  %s\n' block 'bare pps' 'observed pps' cost 'bpftrace pps' cost order
fi
: >"$work/blocks"
for ((block = 1; block <= blocks; block++)); do
	shuffle "${arms[@]}"
	row=$(jq -nc --argjson block "$block" '{kind: "block", block: $block, order: $ARGS.positional}' --args "${order[@]}")
	for arm in "${order[@]}"; do
		measure_arm "$arm"
		row=$(jq -c --arg arm "$arm" --argjson pps "$pps" '.pps[$arm] = ($pps | round)' <<<"$row")
	done
	row=$(jq -c '.pps.bare as $bare | .cost = (.pps | del(.bare) | map_values(1 - . / $bare))' <<<"$row")
	echo "$row" >>"$work/blocks"
	if $json; then
		echo "$row"
	else
		read -r bare observed cost_o traced cost_t <<<"$(jq -r '"\(.pps.bare) \(.pps.observed) \(.cost.observed * 100) \(.pps.bpftrace) \(.cost.bpftrace * 100)"' <<<"$row")"
		printf '%5d %12.0f %12.0f %5.1f %% %12.0f %5.1f %%  %s\n' "$block" "$bare" "$observed" "$cost_o" "$traced" "$cost_t" "${order[*]}"
	fi
done

status=0
for arm in observed bpftrace; do
	result=$(jq --arg arm "$arm" '.cost[$arm]' "$work/blocks" | summary "$arm")
	if $json; then
		echo "$result"
	else
		read -r median min max <<<"$(jq -r '"\(.median * 100) \(.min * 100) \(.max * 100)"' <<<"$result")"
		printf '%-8s median cost %.1f %% (%.1f to %.1f %%)\n' "$arm" "$median" "$min" "$max"
	fi
	if $check && [[ $arm == observed ]] && jq -e --argjson goal "$goal" '.median > $goal' <<<"$result" >/dev/null; then
		echo "${self%.sh}: the median cost of observation $(jq .median <<<"$result") is above $goal" >&2
		status=1
	fi
done
exit "$status"
