#!/usr/bin/env bash
# Fuzzes every target, one after the other, and prints the speed of each.
#
#   scripts/fuzz.sh [NAME]...      default: all; NAME is part of a target's name
#
# FUZZTIME is the time for each target (default 5s), or a number of inputs such as
# 10000x. Prints one line per target with its inputs per second of CPU time on one
# worker, which does not depend on other load of the host. Targets below 500 inputs per
# second are flagged, because they are too slow to find anything, unless their comment
# gives the reason after "slow to fuzz:". The exit code is 1 if an input fails. Go
# keeps that input in testdata/fuzz/ of the package, where it becomes a test case.
# Logs are in .build/fuzz/.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/fuzz.sh
}
for arg; do
	case $arg in
	-h | --help) usage && exit 0 ;;
	-*) usage >&2 && exit 2 ;;
	esac
done

go=${GO:-go}
fuzztime=${FUZZTIME:-5s}
least=500
[[ $fuzztime =~ ^([0-9]+)(s|m|x)$ ]] || { echo "fuzz: FUZZTIME=$fuzztime: write it like 5s, 2m or 10000x" >&2 && exit 2; }
case ${BASH_REMATCH[2]} in
s) limit=$((BASH_REMATCH[1] + 120)) ;;
m) limit=$((BASH_REMATCH[1] * 60 + 120)) ;;
x) limit=600 ;;
esac
out=$PWD/.build/fuzz
mkdir -p "$out"

wanted() { # NAME, of those that the arguments name
	local part
	((${#names[@]})) || return 0
	for part in "${names[@]}"; do
		if [[ $1 == *"$part"* ]]; then return; fi
	done
	return 1
}
names=("$@")
failed=() slow=() count=0 built=
while IFS=: read -r file target; do
	target=${target#func } target=${target%%(*}
	wanted "$target" || continue
	dir=${file%/*}
	binary=$out/${dir//\//-}.test log=$out/$target.log
	# With the instrumentation that finds new paths.
	if [[ $built != "$dir" ]]; then
		(cd "$dir" && "$go" test -c -fuzz=. -o "$binary" .)
		built=$dir
	fi
	count=$((count + 1))
	verdict=ok TIMEFORMAT='%U %S'
	# There is memory for several times the garbage.
	# Interesting inputs are made smaller for at most ten tries: by default Go does
	# that for a minute, in which it tries nothing new.
	{ time (cd "$dir" && GOGC=400 timeout --kill-after=10 "$limit" "$binary" -test.run='^$' -test.fuzz="^$target\$" -test.fuzztime="$fuzztime" \
		-test.fuzzminimizetime=10x -test.parallel=1 -test.fuzzcachedir="$out/cache/$dir" </dev/null >"$log" 2>&1); } 2>"$out/time" || verdict=FAIL
	rate=$(awk -v log_="$log" 'BEGIN {
			while ((getline line < log_) > 0) if (match(line, /execs: [0-9]+/)) n = substr(line, RSTART + 7, RLENGTH - 7)
		}
		NF == 2 { cpu = $1 + $2 }
		END { print n + 0, (cpu > 0 ? int(n / cpu) : 0) }' "$out/time")
	read -r inputs rate <<<"$rate"
	note=
	if [[ $verdict == FAIL ]]; then
		failed+=("$target")
	elif ((rate < least)); then
		# The comment right above the function.
		if awk -v target="func $target(" '/^\/\// { about = about $0; next } index($0, target) == 1 { found = about ~ /slow to fuzz: / } { about = "" } END { exit !found }' "$file"; then
			note=' (its comment says why)'
		else
			verdict=SLOW
			slow+=("$target")
		fi
	fi
	printf '%-4s %-16s %-18s %8d inputs %7d per CPU second%s\n' "$verdict" "$dir" "$target" "$inputs" "$rate" "$note"
	if [[ $verdict == FAIL ]]; then sed 's/^/     /' "$log" | tail -n 30; fi
done < <(grep -rE --include='*_test.go' '^func Fuzz[A-Z][A-Za-z0-9]*\(f \*testing\.F\)' bench bpf harness reports | sort)

if ((!count)); then
	echo "fuzz: no target has ${names[*]:-Fuzz} in its name" >&2
	exit 2
fi
if ((${#slow[@]})); then
	echo "fuzz: fewer than $least inputs per CPU second, without a reason in the comment: ${slow[*]}" >&2
fi
echo "fuzz: $count targets, $fuzztime each"
if ((${#failed[@]})); then
	echo "fuzz: failed: ${failed[*]}; the inputs are in testdata/fuzz/ of their packages, the logs in .build/fuzz/" >&2
	exit 1
fi
