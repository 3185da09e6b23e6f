#!/usr/bin/env bash
# Runs the Go tests.
#
#   scripts/test.sh unit|all [PACKAGE]...
#
# unit: as the caller. Tests that need root or a guest are skipped and say so.
# all:  all tests, as root. First, the test binaries of all packages are built, as the
#       caller, because go is often not in the PATH of sudo. Then the tests that do not
#       measure the host run side by side (see `guests` and `computing` below), and
#       then the others, one package after the other, because they measure on the same
#       CPUs. If the caller is not root, `unit` runs before all that, to test without
#       root what must work without root.
#
# Prints one line per package, with the seconds that its tests took, and the reason of
# each skipped test. The last lines (scripts/test-summary.sh) are the number of tests
# that ran and the tests that could not run. The complete output is in .build/test/.
# TEST_TIMEOUT limits the time of a package. `make test` installs what the tests need,
# and so does scripts/setup.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

# What runs side by side: a package by its path in the module (a pattern), and its tests
# as go test's -run has them. The rest of a package runs alone, so a test that is renamed
# is still run. The longest come first, to end together.
#
# Tests that count, in guests whose CPUs one thread emulates (vm.Machine.OneThread), or
# that boot one guest after the other. A CPU each is enough for them. The first one counts
# instructions, which no load changes; it is here because it takes the longest.
guests=(
	'bench/cmd/tunbench ^TestNopsInGuest$'
	'harness/trial ^TestInGuests$/^6.12$'
	'harness/trial ^TestInGuests$/^6.1$'
	'harness/trial ^TestGuestAccounts$'
	'harness/vm .'
	'bench/cmd/tunbench ^TestGuestVM'
	'bench/cmd/tunbench ^TestGuestHooksAgree$/^6.12-cloud-arm64$'
	'bench/cmd/tunbench ^TestGuestHooksAgree$/^6.1$'
	'bench/cmd/tunbench ^TestGuestHooksAgree$/^6.12$'
	'harness/watch ^TestInGuests$/^6.12$'
	'harness/watch ^TestInGuests$/^6.1$'
	'harness/swap ^TestInGuests$'
)
# Tests that no other load changes: they compute, or boot guests in virtual time. They get
# what the others leave of the CPUs.
computing=(
	'reports/export .'
	'bench/cmd/tunbench ^TestModulesInGuest$/^300_ns$'
	'bench/cmd/tunbench ^TestRingForReno$'
	'bench/cmd/tunbench ^TestDelayInVirtualTime$'
	'bench/cmd/tunbench ^TestModulesInGuest$/^nothing$'
	'reports/* .'
	'bench/@(advise|kernels|knockout|plan|search|setup|suite) .'
)

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
out=$PWD/.build/test
mkdir -p "$out"
# Root often has no go in its PATH, so what tests need built is built here.
"$go" build -o "$out/benchstat" golang.org/x/perf/cmd/benchstat

# The packages that have tests. Go names a binary by the last element of the path, so
# packages whose elements are the same are built into folders of their own.
declare -A dir=() binary=() groups=() seen=()
packages=()
list=$("$go" list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' "$@")
while read -r package folder; do
	[[ -n $package ]] || continue
	last=${package##*/}
	group=${seen[$last]:-0}
	seen[$last]=$((group + 1))
	groups[$group]+=" $package"
	packages+=("$package")
	dir[$package]=$folder
	binary[$package]=$out/$group/$last.test
done <<<"$list"
# Asks for a password once, if sudo needs one.
scripts/as-root.sh -- true
begin=$SECONDS
for group in "${!groups[@]}"; do
	mkdir -p "$out/$group"
	# With the tests that drive a browser (reports), and without what only debuggers need.
	# shellcheck disable=SC2086 # a list
	"$go" test -c -tags browser -ldflags='-s -w' -o "$out/$group/" ${groups[$group]}
done
echo "test: ${#packages[@]} test binaries were built in $((SECONDS - begin)) s"

# The log of a package is that of its parts, one after the other.
log_of() { echo "$out/${1//\//-}.log"; }

# run runs a part of the tests of a package. It leaves what they print, the seconds that
# they took and whether they failed in files.
run() { # PACKAGE PART [FLAG]...
	local package=$1 begin=$SECONDS part
	part=$(log_of "$1").$2
	shift 2
	# A test looks for its testdata in the folder of its package.
	(cd "${dir[$package]}" && nice -n "${nice:-0}" "$OLDPWD/scripts/as-root.sh" -- "${binary[$package]}" -test.v -test.timeout="$timeout" "$@") </dev/null >"$part" 2>&1 || touch "$part.failed"
	echo $((SECONDS - begin)) >"$part.seconds"
}

failed=() logs=()
# report prints the line of a package whose tests have all been run.
report() { # PACKAGE
	local package=$1 log verdict=ok
	log=$(log_of "$package")
	cat "$log".*[0-9] >"$log"
	if compgen -G "$log.*.failed" >/dev/null; then
		verdict=FAIL
		failed+=("$package")
	fi
	printf '%-4s %-36s %4d passed %3d skipped %4d s\n' "$verdict" "$package" \
		"$(count PASS "$log")" "$(count SKIP "$log")" "$(cat "$log".*.seconds | awk '{ n += $1 } END { print n }')"
	if [[ $verdict == FAIL ]]; then
		# Only what failed, or all from a panic on; the log has the rest.
		awk 'NR == FNR { if (/^ *--- FAIL: /) failed[$3]; next }
			/^(panic:|fatal error:|SIG)/ { all = 1 }
			all { print; next }
			/^=== / { test = $3; next }
			/^ *--- FAIL: / || (test in failed && !/^ *--- (PASS|SKIP): /)' "$log" "$log" | sed 's/^/     /'
	fi
	logs+=("$log")
	rm -f "$log".*
}

# count counts the tests with a verdict. One whose subtests are in different parts counts
# once.
count() { # VERDICT LOG
	awk -v verdict="$1:" '/^ *--- / && $2 == verdict && !($3 in names) { names[$3]; n++ } END { print n + 0 }' "$2"
}

# What of each package does not run alone, and how many of these parts are not done.
declare -A apart=() pending=()
module=$("$go" list -m)
for package in "${packages[@]}"; do rm -f "$(log_of "$package")".*; done
parts=()
split() { # [PACKAGE TESTS]...: sets parts
	local entry package tests
	parts=()
	for entry; do
		for package in "${packages[@]}"; do
			# shellcheck disable=SC2053 # a pattern
			[[ ${package#"$module/"} == ${entry% *} && ${apart[$package]-} != . ]] || continue
			tests=${entry##* }
			apart[$package]=${apart[$package]+${apart[$package]}|}$tests
			pending[$package]=$((${pending[$package]-0} + 1))
			parts+=("$package ${pending[$package]} $tests")
		done
	done
}
split "${guests[@]}"
with_guests=("${parts[@]}")
split "${computing[@]}"
left=("${parts[@]}")
all=$((${#with_guests[@]} + ${#left[@]}))

# More guests than four need too much memory.
cpus=$(nproc)
((cpus <= 4)) || cpus=4
begin=$SECONDS
# A part that ends says so here.
rm -f "$out/ended"
mkfifo "$out/ended"
exec 3<>"$out/ended"
declare -A running=([guests]=0 [computing]=0)
launch() { # KIND PRIORITY PACKAGE PART TESTS
	running[$1]=$((${running[$1]} + 1))
	{
		nice=$2 run "$3" "$4" -test.run "$5" || true
		echo "$1 $3" >&3
	} &
}
while :; do
	while ((${#with_guests[@]} && running[guests] < cpus)); do
		read -r package part tests <<<"${with_guests[0]}"
		with_guests=("${with_guests[@]:1}")
		launch guests 0 "$package" "$part" "$tests"
	done
	while ((${#left[@]} && running[computing] < cpus)); do
		read -r package part tests <<<"${left[0]}"
		left=("${left[@]:1}")
		launch computing 10 "$package" "$part" "$tests"
	done
	((running[guests] + running[computing])) || break
	read -r kind package <&3
	running[$kind]=$((${running[$kind]} - 1))
	pending[$package]=$((${pending[$package]} - 1))
	if ((pending[$package] == 0)) && [[ ${apart[$package]} == . ]]; then report "$package"; fi
done
((all == 0)) || echo "test: $all parts ran side by side in $((SECONDS - begin)) s"

for package in "${packages[@]}"; do
	[[ ${apart[$package]-} != . ]] || continue
	run "$package" 0 ${apart[$package]+-test.skip "${apart[$package]}"}
	report "$package"
done
status=0
scripts/test-summary.sh ${whole[@]+"${whole[@]}"} -- "${logs[@]}" || status=1
if ((${#failed[@]})); then
	echo "test: failed: ${failed[*]}; see .build/test/" >&2
	status=1
fi
exit "$status"
