#!/usr/bin/env bash
# Summarizes logs of `go test -v`: how many tests ran, which were skipped, and why.
#
#   scripts/test-summary.sh [--whole] [--] LOG...
#
# Tests with Guest in their name are guest tests: they boot a kernel in QEMU. All
# others are native tests: they run on the kernel of this host. Subtests count. Under
# CI=true the exit code is 1 if a test was skipped that should have run and, with
# --whole (the logs of all packages), if no native test or no guest test ran. Tests may
# always be skipped if they need something that the kernel or CPU of this host does not
# have, if they can only run in a guest, or if they run on request. Such tests give their
# reason in one of the phrases below.
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
	# The line with the reason of a skipped test follows a line with its name.
	/^ *=== (RUN|NAME|CONT|PAUSE) / { test = $3; next }
	/^ +[^ ]+\.go:[0-9]+: / { line = $0; sub(/^ +[^ ]+\.go:[0-9]+: /, "", line); reason[FILENAME, test] = line; next }
	/^ *--- (PASS|FAIL|SKIP): / {
		# A log may be of several runs, each with some of the subtests of a test.
		if ((FILENAME, $2, $3) in ended) next
		ended[FILENAME, $2, $3]
		kind = $3 ~ /^[^\/]*Guest/ ? "guest" : "native"
		if ($2 != "SKIP:") {
			ran[kind]++
			next
		}
		skipped[kind]++
		why = reason[FILENAME, $3] == "" ? "no reason is given" : reason[FILENAME, $3]
		if (!(why in count)) order[++reasons] = why
		# Print the first names only; the logs have all of them.
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
