#!/usr/bin/env bash
# Follows the cost of a packet over Debian's kernels: fetches them, measures the suite
# `study` on each in virtual time, samples stacks on both sides of each step of the cost,
# and writes the report. It needs QEMU, but not root; all kernels together take hours.
#
#   scripts/study.sh [--out DIR] [--report DIR] [--boots N] [--list] [KERNEL]...
#
# KERNEL is a release or its beginning, as for scripts/kernels.sh: 6.1.0-56, 6.12.117,
# 6.12-rt. The default is every cloud kernel from 6.1.0-47 and from 6.12.100 on that
# apt knows, and of each series the newest PREEMPT_RT and the newest generic kernel.
# --list prints the kernels in the order in which they would be measured.
#
# Run files are kept in DIR/RELEASE (--out; default reports/runs/study) and profiles in
# DIR/steps. A kernel whose boots are there is not measured again, so a study that was
# interrupted is continued by the same command, and further kernels can be added to it.
# The report is on all kernels in DIR. It is written to --report: by default to DIR, or,
# without any KERNEL, to reports/samples/debian-2026.
#
# TUNBENCH is the tunbench to run (default: .build/tunbench beside this script).
#
# Exit codes: 0; 2 wrong use, or a kernel that could not be fetched or measured, in which
# case the report is on the others; 130 and 143 interrupted.
set -euo pipefail

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

say() { echo "study: $*" >&2; }

fail() {
	say "$*"
	exit 2
}

here=$(cd "$(dirname "$0")" && pwd)
tunbench=${TUNBENCH:-$here/../.build/tunbench}
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/tunbench/kernels
out=$here/../reports/runs/study report='' boots=2 list='' named=()
while (($#)); do
	case $1 in
	-h | --help) usage && exit 0 ;;
	--list) list=yes ;;
	--out | --report | --boots)
		(($# > 1)) || fail "$1 needs a value"
		case $1 in
		--out) out=$2 ;;
		--report) report=$2 ;;
		--boots)
			[[ $2 =~ ^[2-9]$ ]] || fail "--boots $2: choose 2 to 9; one boot does not show the spread"
			boots=$2
			;;
		esac
		shift
		;;
	[0-9]*) named+=("$1") ;;
	*) fail "$1 is no kernel such as 6.1.0-56 or 6.12-rt" ;;
	esac
	shift
done

# newest prints the newest release of a series that is to be had.
newest() { "$here/kernels.sh" --available "$1" | tail -n 1; }

# Releases, in the order in which they are measured.
releases=()
add() {
	local r
	for r in "$@"; do
		[[ -z $r || " ${releases[*]} " == *" $r "* ]] || releases+=("$r")
	done
}

# The ends of a series come first: a study that is cut short then says what changed in
# all, and only not where.
everything() {
	local old=() young=()
	mapfile -t old < <("$here/kernels.sh" --available 6.1 | awk -F '[.-]' '$4 >= 47')
	mapfile -t young < <("$here/kernels.sh" --available 6.12 | awk -F '[.+-]' '$3 >= 100')
	((${#old[@]} && ${#young[@]})) || fail "apt knows no cloud kernel 6.1 or 6.12; if its lists are empty or old: apt-get update (root)"
	add "${young[0]}" "${young[-1]}" "${old[0]}" "${old[-1]}"
	add "$(newest 6.12-rt)" "$(newest 6.12-amd64)" "$(newest 6.1-rt)" "$(newest 6.1-amd64)"
	add "${young[@]}" "${old[@]}"
}

if ((${#named[@]})); then
	for name in "${named[@]}"; do
		release=$(newest "$name")
		[[ -n $release ]] || fail "neither apt nor $cache has a kernel $name; if apt's lists are empty or old: apt-get update (root)"
		add "$release"
	done
	report=${report:-$out}
else
	everything
	report=${report:-$here/../reports/samples/debian-2026}
fi
if [[ $list ]]; then
	printf '%s\n' "${releases[@]}"
	exit 0
fi
[[ -x $tunbench ]] || fail "$tunbench cannot be run: build it with make build, or set TUNBENCH"

mkdir -p "$out/steps"
out=$(cd "$out" && pwd)
exec 9>"$out/.lock"
flock -n 9 || fail "$out is in use by another study"
# What an earlier study was killed in.
rm -rf "$out"/.new
trap 'rm -rf "$out"/.new' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# whole reports whether all boots of a kernel are there, each to its end record.
whole() { # FOLDER BOOTS
	local boot
	for ((boot = 1; boot <= $2; boot++)); do
		tail -n 1 "$1/boot-$boot/bare/run.jsonl" 2>/dev/null | grep -q '^{"kind":"end"' || return 1
	done
}

# measure makes the runs of a command of tunbench in a folder that is new, and moves the
# folders in it that are named after it to their place: what is there is whole.
measure() { # FLAG...
	rm -rf "$out/.new"
	"$tunbench" kernels --icount --suite study --out "$out/.new" "$@" >"$out/.log" 9>&-
}

# left says how long the rest takes if it takes as long as what was done.
left() { # DONE ALL
	(($1)) || return 0
	local s=$(((SECONDS - began) * ($2 - $1) / $1))
	echo ", about $(((s + 59) / 60)) min left"
}

todo=() failed=()
for release in "${releases[@]}"; do
	whole "$out/$release" "$boots" || todo+=("$release")
done
say "${#releases[@]} kernels, of which $((${#releases[@]} - ${#todo[@]})) are measured already"
began=$SECONDS done=0
for release in "${todo[@]}"; do
	say "kernel $((done + 1)) of ${#todo[@]}: $release$(left "$done" "${#todo[@]}")"
	done=$((done + 1))
	if [[ ! -e $cache/$release/vmlinuz ]] && ! "$here/kernels.sh" "$release" 9>&-; then
		failed+=("$release")
		continue
	fi
	if ! measure --kernel "$cache/$release" --boots "$boots" || ! whole "$out/.new/$release" "$boots"; then
		say "$release was not measured"
		failed+=("$release")
		continue
	fi
	rm -rf "${out:?}/$release"
	mv "$out/.new/$release" "$out/$release"
done

# Which kernels of the range there are is part of the report.
{ date -u +%F && "$here/kernels.sh" --available 6.1 6.12; } >"$out/.available"
mv "$out/.available" "$out/available.txt"

# Profiles of both sides of each difference.
found=$("$tunbench" kernels --from "$out" --study --json)
mapfile -t pairs < <(sed -n 's/^{"kind":"pair","name":"\([^"]*\)","base":"\([^"]*\)","new":"\([^"]*\)","filter":"\([^"]*\)".*/\1\t\2\t\3\t\4/p' <<<"$found")
done=0 began=$SECONDS
for pair in "${pairs[@]}"; do
	IFS=$'\t' read -r name base new filter <<<"$pair"
	done=$((done + 1))
	if whole "$out/steps/$name/$base" 1 && whole "$out/steps/$name/$new" 1; then continue; fi
	kernels=(--kernel "$cache/$base")
	# The pair may be two scenarios on one kernel.
	[[ $new == "$base" ]] || kernels+=(--kernel "$cache/$new")
	say "profiles $done of ${#pairs[@]}: $name$(left $((done - 1)) "${#pairs[@]}")"
	# Single boots are not judged, for which tunbench exits with 3.
	measure "${kernels[@]}" --boots 1 --profile --filter "$filter" || true
	if ! whole "$out/.new/$base" 1 || ! whole "$out/.new/$new" 1; then
		say "no profiles for $name"
		failed+=("$name")
		continue
	fi
	rm -rf "${out:?}/steps/$name"
	mv "$out/.new" "$out/steps/$name"
done

"$tunbench" kernels --from "$out" --study --out "$report"
if ((${#failed[@]})); then fail "not measured: ${failed[*]}"; fi
