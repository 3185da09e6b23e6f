#!/usr/bin/env bash
# One step of `git bisect run` in a kernel tree: builds the kernel of the commit and
# compares what a packet costs with a good kernel.
#
#   git bisect start BAD GOOD
#   GOOD_KERNEL=~/linux-good git bisect run ~/tunbench/scripts/bisect.sh [FLAG]...
#
# GOOD_KERNEL is anything that `tunbench kernels --kernel` takes; FLAGs go to that command,
# such as --filter 'mode=tun size=64'. The tree must have a .config. TUNBENCH is the tunbench
# to run (default: .build/tunbench beside this script), BISECT_OUT the folder for the run
# files of all steps (default: a new folder below /tmp).
#
# Exit codes: 0 good; 1 bad; 125 if the commit does not build or boot or could not be
# judged, so that git skips it; 128 and above, which end the bisection, if the step cannot
# be made at all, such as with a wrong FLAG, or was interrupted.
set -u

stop() {
	echo "bisect: $1" >&2
	exit 128
}
good=${GOOD_KERNEL-}
tunbench=${TUNBENCH:-$(dirname "$0")/../.build/tunbench}
[[ -n $good ]] || stop "GOOD_KERNEL is not set: it names the kernel to compare with, as for tunbench kernels --kernel"
[[ -x $tunbench ]] || stop "$tunbench cannot be run: build it with make build, or set TUNBENCH"
[[ -f .config ]] || stop "$PWD has no .config: configure the kernel first, then begin the bisection"
out=${BISECT_OUT:-$(mktemp -d -t tunbench-bisect.XXXXXX)} || stop "no folder for the run files"
commit=$(git rev-parse --short HEAD) || stop "$PWD is no git repository"
# A build takes longer than to find out that no step can be judged.
"$tunbench" kernels --bisect-run --check --kernel "$good" --kernel "$good" "$@" ||
	stop "this command line can judge no commit: tunbench says why"

if ! make -s olddefconfig || ! make -s -j"$(nproc)"; then
	echo "bisect: $commit does not build" >&2
	exit 125
fi
"$tunbench" kernels --bisect-run --kernel "$good" --kernel . --out "$out/$commit" "$@"
code=$?
case $code in
0 | 1) exit "$code" ;;
130 | 143) exit "$code" ;; # interrupted: git ends the bisection, and can resume it
*) exit 125 ;;             # whatever happened, the commit was not judged
esac
