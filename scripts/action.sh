#!/usr/bin/env bash
# The step of action.yml: measures, compares, and reports to GitHub.
#
# The inputs of the action are passed as variables named TUNBENCH_*, so that no input is
# interpreted by the shell. If one of A, B, BASE_BINARY and NEW_BINARY is set, two
# variants are measured in pairs (tunbench ab). Otherwise a suite is measured (tunbench
# run) and compared with BASELINE (tunbench compare). Then the comment on the pull request
# is posted (scripts/comment.sh), unless COMMENT is false. The exit code is that of the
# verdicts.
set -euo pipefail

binary=${TUNBENCH_BINARY:?is not set: it names the tunbench to run}
out=${TUNBENCH_OUT:?is not set: it names the folder for the run}
root=$(cd "$(dirname "$0")/.." && pwd)

args=()
value() { # FLAG VALUE, which may be empty
	if [[ -n $2 ]]; then args+=("$1" "$2"); fi
}
lines() { # FLAG VALUES, one per line
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

# sudo does not pass on the variables of the job.
as_root() {
	"$root/scripts/as-root.sh" --own "$out" -- env \
		"GITHUB_STEP_SUMMARY=${GITHUB_STEP_SUMMARY-}" "GITHUB_OUTPUT=${GITHUB_OUTPUT-}" \
		"GITHUB_WORKFLOW=${GITHUB_WORKFLOW-}" "GITHUB_JOB=${GITHUB_JOB-}" "TUNBENCH_COMMENT_NAME=${TUNBENCH_COMMENT_NAME-}" "$@"
}
finish() { # CODE COMMENT
	if [[ ${TUNBENCH_COMMENT:-true} == true && -e $2 ]]; then
		GH_TOKEN=${TUNBENCH_TOKEN-} "$root/scripts/comment.sh" "$2" || true
	fi
	exit "$1"
}

gate # reports wrong values before anything is measured
case ${TUNBENCH_COMMENT-} in
true | false | '') ;;
*)
	echo "action: comment: $TUNBENCH_COMMENT: choose true or false" >&2
	exit 2
	;;
esac
args=()
mkdir -p "$out"
if [[ -n ${TUNBENCH_A-}${TUNBENCH_B-}${TUNBENCH_BASE_BINARY-}${TUNBENCH_NEW_BINARY-} ]]; then
	selection
	# Without a suite, ab measures its default scenario. An empty --a leaves it unchanged.
	args+=(--a "${TUNBENCH_A-}" --b "${TUNBENCH_B-}")
	value --base-binary "${TUNBENCH_BASE_BINARY-}"
	value --new-binary "${TUNBENCH_NEW_BINARY-}"
	gate
	code=0
	as_root "$binary" ab "${args[@]}" || code=$?
	finish "$code" "$out/comment.md"
fi

TUNBENCH_SUITE=${TUNBENCH_SUITE:-smoke}
selection
# A run whose suite sets limits (require) exits with 1 where one is missed, and with 3 where
# one could not be judged. It is complete, and is compared nevertheless.
limits=0
as_root "$binary" run --quiet --github "${args[@]}" || limits=$?
if [[ $limits != [013] ]]; then exit "$limits"; fi
args=()
gate
verdicts=0
"$binary" compare "${TUNBENCH_BASELINE:-tunbench-baseline}" "$out" --out "$out/comparison" "${args[@]}" || verdicts=$?
for code in 2 1 3; do
	if [[ $limits == "$code" || $verdicts == "$code" ]]; then finish "$code" "$out/comparison/comment.md"; fi
done
finish "$verdicts" "$out/comparison/comment.md"
