#!/usr/bin/env bash
# What the step of action.yml does: measures, compares, and tells GitHub.
#
# The inputs of the action come as TUNBENCH_ variables, so that no input is ever
# a piece of shell. With one of A, B, BASE_BINARY and NEW_BINARY two variants are
# measured in pairs (tunbench ab); without, a suite is measured (tunbench run)
# and held against BASELINE (tunbench compare). The exit code is that of the
# verdicts.
set -euo pipefail

binary=${TUNBENCH_BINARY:?is not set: it names the tunbench to run}
out=${TUNBENCH_OUT:?is not set: it names the folder for the run}
root=$(cd "$(dirname "$0")/.." && pwd)

args=()
value() { # FLAG VALUE, if there is one
	if [[ -n $2 ]]; then args+=("$1" "$2"); fi
}
lines() { # FLAG VALUES, one a line
	local line
	while IFS= read -r line; do
		line=${line%$'\r'}
		if [[ $line =~ [^[:space:]] ]]; then args+=("$1" "$line"); fi
	done <<<"$2"
}
truth() { # FLAG VALUE
	case $2 in
	true) args+=("$1") ;;
	false | '') ;;
	*)
		echo "action: ${1#--}: $2: choose true or false" >&2
		exit 2
		;;
	esac
}
gate() {
	args+=(--github)
	value --fail-on "${TUNBENCH_FAIL_ON-}"
	truth --strict "${TUNBENCH_STRICT-}"
	lines --threshold "${TUNBENCH_THRESHOLD-}"
	lines --allow "${TUNBENCH_ALLOW-}"
}
selection() {
	value --suite "${TUNBENCH_SUITE-}"
	lines --filter "${TUNBENCH_FILTER-}"
	lines --set "${TUNBENCH_SET-}"
	value --trials "${TUNBENCH_TRIALS-}"
	value --measure "${TUNBENCH_MEASURE-}"
	args+=(--out "$out")
}

# sudo lets none of the job's variables through.
as_root() {
	"$root/scripts/as-root.sh" --own "$out" -- env \
		"GITHUB_STEP_SUMMARY=${GITHUB_STEP_SUMMARY-}" "GITHUB_OUTPUT=${GITHUB_OUTPUT-}" "$@"
}

gate # what is wrong with these is said before anything is measured
args=()
mkdir -p "$out"
if [[ -n ${TUNBENCH_A-}${TUNBENCH_B-}${TUNBENCH_BASE_BINARY-}${TUNBENCH_NEW_BINARY-} ]]; then
	selection
	# Without a suite, ab has a scenario of its own. An empty --a is the scenario as it is.
	args+=(--a "${TUNBENCH_A-}" --b "${TUNBENCH_B-}")
	value --base-binary "${TUNBENCH_BASE_BINARY-}"
	value --new-binary "${TUNBENCH_NEW_BINARY-}"
	gate
	as_root "$binary" ab "${args[@]}"
	exit
fi

TUNBENCH_SUITE=${TUNBENCH_SUITE:-smoke}
selection
as_root "$binary" run --quiet "${args[@]}"
args=()
gate
"$binary" compare "${TUNBENCH_BASELINE:-tunbench-baseline}" "$out" --out "$out/comparison" "${args[@]}"
