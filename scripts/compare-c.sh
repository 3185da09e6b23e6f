#!/usr/bin/env bash
# Compares tunbench with a small C program that makes only the system calls: sendmmsg of
# 64 packets on one CPU and read on another; with --dir u2k, write on one CPU and recvmmsg
# of 64 packets on another (scripts/cref). A front of
# `tunbench ab --base-binary .build/tunref`: both programs have their device at the same
# time and take turns of 10 ms, so that a host whose speed wanders is the same host to both.
#
#   scripts/compare-c.sh [--dir k2u|u2k] [--io spin,read] [--ref-io read|spin]
#                        [--pairs 10] [--cpus SENDER,READER] [--size 64]
#                        [--measure 1] [--warmup 0.25] [--seed N] [--check] [--goal X]
#                        [--json]
#
# --io     how tunbench reads or writes the device, one or more ways
# --ref-io how the C program does
# --pairs  of trials before the first look, at least 7; ab takes up to three times as many
# --check  exit with 1 if tunbench is below its goal: if the upper end of the interval is
#          below 1.00 (k2u, spin) or 0.97 (all others). What could be noise does not fail.
# --goal   another goal, for each way
# --json   print an object for each value of --io
#
# Prints the ratio of the packet rates, tunbench over C, with its 95 % interval (exact
# signed-rank over the pairs). Times are in seconds. Exits with 3 if the host was too
# disturbed to say. Needs root (uses sudo), cc, jq, Go and two CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/compare.bash
. scripts/compare.bash

ios=spin,read ref_io=read check=false built=false own_goal=
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
	--io)
		[[ $2 =~ ^(spin|read|poll|uring)(,(spin|read|poll|uring))*$ ]] ||
			die "--io $2: choose read, poll, spin and uring, with commas between"
		ios=$2
		;;
	--dir)
		[[ $2 == k2u || $2 == u2k ]] || die "--dir $2: choose k2u or u2k"
		dir=$2
		;;
	--ref-io)
		[[ $2 == spin || $2 == read ]] || die "--ref-io $2: choose read or spin"
		ref_io=$2
		;;
	--goal)
		[[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "--goal $2: give a ratio, as 0.97"
		own_goal=$2
		;;
	*) option "$1" "$2" || die "$1: no such flag; --help lists the flags" ;;
	esac
	shift 2
done

tunref=$PWD/.build/tunref
need jq awk
# TUNBENCH, for tests, is another program in place of tunbench.
if [[ -n ${TUNBENCH-} ]]; then
	tunbench=$TUNBENCH
elif ! $built; then
	need "${CC:-cc}"
	make --silent --no-print-directory build
	"${CC:-cc}" -std=gnu11 -O2 -Wall -Wextra -pthread -o "$tunref" scripts/cref/*.c
	((EUID == 0)) || exec scripts/as-root.sh -- "$PWD/scripts/$self" --built ${args[@]+"${args[@]}"}
fi
begin

# Its exit code tells what it found of the change, which is not the question here.
code=0
"$tunbench" ab --base-binary "$tunref" --new-binary "$tunbench" --a "io=$ref_io" \
	--set "dir=$dir" --set "size=$size" --set "io=$ios" --cpus "$cpus" --hook none --arm bare \
	--trials "$blocks" --measure "${measure}s" --warmup "${warmup}s" --seed "$seed" \
	--out "$work/ab" --json >"$work/verdicts" || code=$?
((code <= 1 || code == 3)) || die "tunbench ab failed"

# goal IO prints what the ratio of that way should reach.
goal() {
	case $own_goal,$dir,$1 in
	,k2u,spin) echo 1.00 ;;
	,*) echo 0.97 ;;
	*) echo "$own_goal" ;;
	esac
}

if ! $json; then
	echo "tunbench compared with C (dir=$dir, io=$ref_io): $size bytes, CPUs $cpus, $measure s per trial, seed $seed"
	printf '%-6s %10s %12s %7s  %-15s %5s %5s\n' io 'C pps' 'tunbench pps' ratio '95 % interval' pairs goal
fi
status=0
IFS=, read -ra list <<<"$ios"
for io in "${list[@]}"; do
	# io=read is the default and not part of a scenario's name.
	result=$(jq -c --arg io "$io" --argjson goal "$(goal "$io")" '
		select(.metric == "pps" and ((.scenario | capture("/io=(?<io>[a-z]+)").io) // "read") == $io)
		| if .ci then {kind: "summary", name: $io, c_pps: .base, pps: .new, ratio: (1 + .change),
		               ci: [.ci[] + 1], n: .n, goal: $goal, met: (.ci[1] + 1 >= $goal)}
		  else {kind: "summary", name: $io, error: ([.verdict] + .notes | join("; "))} end' "$work/verdicts")
	[[ -n $result ]] || die "tunbench ab said nothing of io=$io"
	if $json; then echo "$result"; fi
	if error=$(jq -er .error <<<"$result"); then
		echo "${self%.sh}: io=$io: not judged: $error" >&2
		status=3
		continue
	fi
	read -r c ours ratio low high n goal met <<<"$(jq -r '"\(.c_pps) \(.pps) \(.ratio) \(.ci[0]) \(.ci[1]) \(.n) \(.goal) \(.met)"' <<<"$result")"
	if ! $json; then
		printf '%-6s %10.0f %12.0f %7.3f  %.3f to %.3f  %5d %5.2f\n' "$io" "$c" "$ours" "$ratio" "$low" "$high" "$n" "$goal"
	fi
	if $check && ! $met; then
		echo "${self%.sh}: io=$io: the ratio is at most $(printf "%.3f, below %.2f" "$high" "$goal")" >&2
		((status)) || status=1
	fi
done
exit "$status"
