#!/usr/bin/env bash
# Runs every check that needs no device: gofmt, go vet, the structure of the module
# (imports and sizes, of which it prints a table), the shell scripts (by shellcheck),
# and staticcheck and actionlint (the workflows) where they are installed. Runs all
# of them before it fails.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

status=0
go=${GO:-go}
fail() {
	echo "lint: $*" >&2
	status=1
}

# The gofmt of this go, which may not be the one in PATH, if there is one.
unformatted=$("$("$go" env GOROOT)/bin/gofmt" -l bench bpf harness reports scripts) || fail "gofmt failed"
[[ -z $unformatted ]] || fail "not formatted, run gofmt -w: ${unformatted//$'\n'/ }"

"$go" vet ./... || fail "go vet failed"
"$go" vet -tags browser ./reports/export || fail "go vet failed"
"$go" run ./scripts/structure || fail "the structure breaks a rule of scripts/structure/rules.go"

# Every shell script of the checkout, whatever its name.
scripts=$(grep -lrIE --exclude-dir=.git --exclude-dir=.build --exclude-dir=runs '^(#!.*\b(ba)?sh|# shellcheck shell=.*)$' .)
if command -v shellcheck >/dev/null; then
	mapfile -t files <<<"$scripts"
	shellcheck "${files[@]}" || fail "shellcheck failed"
elif [[ ${CI-} == true ]]; then
	fail "shellcheck is not installed"
else
	echo "lint: shellcheck is not installed, the scripts are not checked" >&2
fi

if command -v staticcheck >/dev/null; then
	staticcheck ./... || fail "staticcheck failed"
fi
if command -v actionlint >/dev/null; then
	actionlint || fail "actionlint failed"
fi
exit "$status"
