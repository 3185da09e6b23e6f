#!/usr/bin/env bash
# Checks that compiling the BPF programs again changes nothing: compiles them in a
# copy and compares. Different versions of clang generate different code, so with
# another major version than the one below this only checks that the programs compile.
set -euo pipefail
cd "$(dirname "$0")/.."

# The clang that made the committed objects: Debian 12's.
objects_clang=14

scripts/setup.sh --check generate
major=$(clang --version | sed -n 's/.*clang version \([0-9]*\).*/\1/p;1q')
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r go.mod go.sum bpf "$copy/"
(cd "$copy" && "${GO:-go}" generate ./bpf)
if [[ $major != "$objects_clang" ]]; then
	echo "check-generated: the objects were compiled by clang $objects_clang and this is clang $major, so they were compiled but not compared"
	exit 0
fi
if ! diff -rq bpf "$copy/bpf"; then
	echo "check-generated: the committed BPF objects do not match their source; run make generate" >&2
	exit 1
fi
echo "check-generated: unchanged (clang $major)"
