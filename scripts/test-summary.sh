#!/usr/bin/env bash
# Says of logs of `go test -v` how many tests ran and which could not, and why.
#
#   scripts/test-summary.sh [--whole] [--] LOG...
#
# Guest tests are those with Guest in the name of the test: they boot a kernel in
# QEMU. All others are native: they run on this host's kernel. Subtests count.
# Under CI=true the exit code is 1 if a test was skipped that should have run, and,
# with --whole, which stands for all packages, if no native or no guest test ran.
# It may always be skipped what this host's kernel or CPU does not have, what only a
# guest can do, and what runs on request: such tests say so in the words below.
set -euo pipefail

whole=false
while (($#)); do
	case $1 in
	--whole) whole=true ;;
	--) shift && break ;;
	-*) echo "usage: scripts/test-summary.sh [--whole] [--] LOG..." >&2 && exit 2 ;;
	*) break ;;
	esac
	shift
done
(($#)) || { echo "test-summary: no log is given" >&2 && exit 2; }

# awk, since a log has megabytes.
awk -v whole="$whole" -v ci="${CI-}" '
	# The line in which a test logs what it lacks comes after one with its name.
	/^ *=== (RUN|NAME|CONT|PAUSE) / { test = $3; next }
	/^ +[^ ]+\.go:[0-9]+: / { line = $0; sub(/^ +[^ ]+\.go:[0-9]+: /, "", line); reason[FILENAME, test] = line; next }
	/^ *--- (PASS|FAIL|SKIP): / {
		kind = $3 ~ /^[^\/]*Guest/ ? "guest" : "native"
		if ($2 != "SKIP:") {
			ran[kind]++
			next
		}
		skipped[kind]++
		why = reason[FILENAME, $3] == "" ? "no reason is given" : reason[FILENAME, $3]
		if (!(why in count)) order[++reasons] = why
		# A few names say which; the logs have all.
		if (++count[why] <= 4) tests[why] = tests[why] (count[why] > 1 ? ", " : "") $3
	}
	END {
		for (i = 1; i <= reasons; i++) {
			why = order[i]
			excused = why ~ /this kernel (cannot|has no)|needs vhost-net, as TestInGuests has it|runs in guests|needs 2 CPUs|the race detector|^it takes minutes: |names no run to check/
			more = count[why] > 4 ? " and " count[why] - 4 " more" : ""
			printf "test: could not run%s: %s%s: %s\n", excused ? "" : " here", tests[why], more, why
			if (!excused && ci == "true") bad += count[why]
		}
		printf "test: native tests: %d ran, %d skipped; guest tests: %d ran, %d skipped\n", ran["native"], skipped["native"], ran["guest"], skipped["guest"]
		if (bad) printf "test: skipped, and must run under CI=true: %d\n", bad
		if (ci == "true" && whole == "true" && !(ran["native"] && ran["guest"])) {
			print "test: under CI=true native tests and guest tests must run"
			bad = 1
		}
		exit bad ? 1 : 0
	}' "$@"
