#!/usr/bin/env bash
# Compares tunbench with a small C program that does only the system calls: sendmmsg
# of 64 packets on one CPU and a blocking read on another; with --dir u2k, write on
# one CPU and recvmmsg of 64 packets on another (scripts/cref/tunref.c). tunbench runs
# its bare arm.
#
#   scripts/compare-c.sh [--dir k2u|u2k] [--io spin,read] [--ref-io read|spin]
#                        [--pairs 10] [--cpus SENDER,READER] [--size 64]
#                        [--measure 1] [--warmup 0.25] [--seed N] [--check] [--json]
#
# --io     how tunbench reads or writes the device, one or more ways
# --ref-io how the C program does
# --check  exit with 1 if a median is below its goal: 0.97 (spin, and all of u2k) or
#          0.90 (read)
# --json   print one object per block, then a summary for each value of --io
#
# Prints the packet rates of each block, the ratio to the C program, and its median
# and range. Times are in seconds. Needs root (uses sudo), cc, jq, Go and two CPUs.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/compare.bash
. scripts/compare.bash

declare -A goal=([spin]=0.97 [read]=0.90)
ios=(spin read) ref_io=read check=false built=false
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
		IFS=, read -ra ios <<<"$2"
		for io in "${ios[@]}"; do
			[[ $io == spin || $io == read || $io == poll ]] || die "--io $2: choose read, poll and spin, with commas between"
		done
		;;
	--dir)
		[[ $2 == k2u || $2 == u2k ]] || die "--dir $2: choose k2u or u2k"
		dir=$2
		if [[ $dir == u2k ]]; then goal=([spin]=0.97 [read]=0.97); fi
		;;
	--ref-io)
		[[ $2 == spin || $2 == read ]] || die "--ref-io $2: choose read or spin"
		ref_io=$2
		;;
	*) option "$1" "$2" || die "$1: no such flag; --help lists the flags" ;;
	esac
	shift 2
done

tunref=$PWD/.build/tunref
need jq awk
if ! $built; then
	need "${CC:-cc}"
	make --silent --no-print-directory build
	"${CC:-cc}" -std=c11 -O2 -Wall -pthread -o "$tunref" scripts/cref/tunref.c
	((EUID == 0)) || exec scripts/as-root.sh -- "$PWD/scripts/$self" --built ${args[@]+"${args[@]}"}
fi
begin

if ! $json; then
	echo "tunbench compared with C (--dir $dir --io $ref_io): $size bytes, CPUs $cpus, $measure s per trial, seed $seed"
	printf '%5s %12s' block 'C pps'
	for io in "${ios[@]}"; do printf ' %12s %7s' "$io pps" ratio; done
	printf '  %s\n' order
fi
: >"$work/blocks"
for ((block = 1; block <= blocks; block++)); do
	shuffle C "${ios[@]}"
	row=$(jq -nc --argjson block "$block" '{kind: "block", block: $block, order: $ARGS.positional}' --args "${order[@]}")
	for arm in "${order[@]}"; do
		if [[ $arm == C ]]; then
			result=$("$tunref" --cpus "$cpus" --measure "$measure" --warmup "$warmup" --size "$size" --io "$ref_io" --dir "$dir")
			[[ $(jq .unexplained <<<"$result") == 0 ]] || die "the C program lost packets without a reason: $result"
			pps=$(jq .pps <<<"$result")
		else
			tunbench_trial "$arm" --arm bare --hook none
			pps=$(jq .metrics.pps <<<"$trial")
		fi
		row=$(jq -c --arg arm "$arm" --argjson pps "$pps" '.pps[$arm] = ($pps | round)' <<<"$row")
	done
	row=$(jq -c '.pps.C as $c | .ratio = (.pps | del(.C) | map_values(. / $c))' <<<"$row")
	echo "$row" >>"$work/blocks"
	if $json; then
		echo "$row"
	else
		printf '%5d %12.0f' "$block" "$(jq .pps.C <<<"$row")"
		for io in "${ios[@]}"; do
			read -r pps ratio <<<"$(jq -r --arg io "$io" '"\(.pps[$io]) \(.ratio[$io])"' <<<"$row")"
			printf ' %12.0f %7.3f' "$pps" "$ratio"
		done
		printf '  %s\n' "${order[*]}"
	fi
done

status=0
for io in "${ios[@]}"; do
	result=$(jq --arg io "$io" '.ratio[$io]' "$work/blocks" | summary "$io")
	read -r median min max <<<"$(jq -r '"\(.median) \(.min) \(.max)"' <<<"$result")"
	if $json; then
		echo "$result"
	else
		printf 'io=%-5s median ratio %.3f (%.3f to %.3f)%s\n' "$io" "$median" "$min" "$max" "${goal[$io]:+, goal ${goal[$io]}}"
	fi
	if $check && [[ -n ${goal[$io]-} ]] && awk -v m="$median" -v g="${goal[$io]}" 'BEGIN { exit !(m < g) }'; then
		echo "${self%.sh}: io=$io: the median ratio $median is below ${goal[$io]}" >&2
		status=1
	fi
done
exit "$status"
