#!/usr/bin/env bash
# Runs the Go tests.
#
#   scripts/test.sh unit|all [PACKAGE]...
#
# unit: as the caller. Tests that need root or a guest are skipped and say so.
# all:  the tests of each package as root, one package after the other, because they
#       measure on the same CPUs. The test binaries are built as the caller, because
#       go is often not in the PATH of sudo. If the caller is not root, `unit` runs
#       first, to test without root what must work without root.
#
# Prints one line per package and the reason of each skipped test. The last lines
# (scripts/test-summary.sh) are the number of tests that ran and the tests that could
# not run. The complete output is in .build/test/. TEST_TIMEOUT limits the time of a
# package. `make test` installs what the tests need, and so does scripts/setup.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

what=${1-}
[[ $what == unit || $what == all ]] || {
	echo "usage: scripts/test.sh unit|all [PACKAGE]..." >&2
	exit 2
}
shift
# With all packages, at least one native test and one guest test must run.
whole=()
(($#)) || whole=(--whole)
(($#)) || set -- ./...
timeout=${TEST_TIMEOUT:-30m}
go=${GO:-go}

if [[ $what == unit || $EUID -ne 0 ]]; then
	# Under CI=true a skipped test is a failure, but in this pass skipping is intended.
	CI='' "$go" test -short -timeout "$timeout" "$@"
fi
[[ $what == all ]] || exit 0

# The kernels for the guest tests are there. The home folder of root is a different one.
export XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache}
mkdir -p .build/test
# Root often has no go in its PATH, so what tests need built is built here.
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
