#!/usr/bin/env bash
# Runs the Go tests.
#
#   scripts/test.sh unit|all [PACKAGE]...
#
# unit: as the caller. A test that needs root or a guest says so and is skipped.
# all:  each package's tests as root, one package after another, because they
#       share the CPUs that they measure. The binaries are built as the caller,
#       since sudo seldom finds go. When the caller is not root, `unit` runs
#       first: what must work without root is tested without it.
#
# Prints a line a package and each test that was skipped with its reason; the
# last lines (scripts/test-summary.sh) say how many tests ran and which could not.
# The whole output is in .build/test/. TEST_TIMEOUT is the limit of a package.
# What the tests need is installed by `make test`, or by scripts/setup.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1-}
[[ $what == unit || $what == all ]] || {
	echo "usage: scripts/test.sh unit|all [PACKAGE]..." >&2
	exit 2
}
shift
# Of all packages some tests must run natively, and some in guests.
whole=()
(($#)) || whole=(--whole)
(($#)) || set -- ./...
timeout=${TEST_TIMEOUT:-20m}
go=${GO:-go}

if [[ $what == unit || $EUID -ne 0 ]]; then
	# Under CI=true a skipped test is a failure, but here skipping is the point.
	CI='' "$go" test -short -timeout "$timeout" "$@"
fi
[[ $what == all ]] || exit 0

# The guest tests find their kernels there. Root has another home than the caller.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
mkdir -p .build/test
# Root seldom finds go: what a test builds elsewhere is built here.
"$go" build -o .build/test/benchstat golang.org/x/perf/cmd/benchstat
failed=() logs=()
list=$("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' "$@")
while read -r package dir; do
	name=${package//\//-}
	binary=$PWD/.build/test/$name.test log=$PWD/.build/test/$name.log
	# With the tests that drive a browser (reports).
	"$go" test -c -tags browser -o "$binary" "$package"
	begin=$SECONDS verdict=ok
	# A test looks for its testdata in the folder of its package.
	if ! (cd "$dir" && "$OLDPWD/scripts/as-root.sh" -- "$binary" -test.v -test.timeout="$timeout") </dev/null >"$log" 2>&1; then
		verdict=FAIL
		failed+=("$package")
	fi
	printf '%-4s %-36s %4d passed %3d skipped %4d s\n' "$verdict" "$package" \
		"$(grep -cE '^ *--- PASS:' "$log" || true)" "$(grep -cE '^ *--- SKIP:' "$log" || true)" $((SECONDS - begin))
	if [[ $verdict == FAIL ]]; then
		# Only what failed, or all from a panic on; the log has the rest.
		awk 'NR == FNR { if (/^ *--- FAIL: /) failed[$3]; next }
			/^(panic:|fatal error:|SIG)/ { all = 1 }
			all { print; next }
			/^=== / { test = $3; next }
			/^ *--- FAIL: / || (test in failed && !/^ *--- (PASS|SKIP): /)' "$log" "$log" | sed 's/^/     /'
	fi
	logs+=("$log")
done <<<"$list"
status=0
scripts/test-summary.sh ${whole[@]+"${whole[@]}"} -- "${logs[@]}" || status=1
if ((${#failed[@]})); then
	echo "test: failed: ${failed[*]}; see .build/test/" >&2
	status=1
fi
exit "$status"
