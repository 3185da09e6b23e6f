#!/usr/bin/env bash
# Installs the programs that a target of the Makefile needs, if they are missing.
#
#   scripts/setup.sh [--check] [build|bench|test|guest|generate|lint|compare|dist|ci]...
#
# The default is `test`. On Debian and Ubuntu, packages are installed by
# apt-get, through sudo when the caller is not root. Elsewhere, and with
# --check, nothing is installed: what is missing is named, and the exit code
# is 2. Go is never installed: where to get it is said.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/setup.sh
}

# A program or a file, and the Debian package that holds it.
declare -A package=(
	[awk]=mawk [bpftool]=bpftool [bpftrace]=bpftrace [cc]=gcc [chromium]=chromium [clang]=clang [dpkg-deb]=dpkg [ethtool]=ethtool [git]=git
	[ip]=iproute2 [iperf3]=iperf3 [jq]=jq [lintian]=lintian [llvm-strip]=llvm [make]=make [ps]=procps [qemu-system-x86_64]=qemu-system-x86 [rsvg-convert]=librsvg2-bin
	[shellcheck]=shellcheck [tc]=iproute2 [tcpdump]=tcpdump [unshare]=util-linux
	[/usr/include/bpf/bpf_helpers.h]=libbpf-dev [/usr/include/stdio.h]=libc6-dev
)
build=(make git)
# Headers of the kernel and of libbpf: the objects are built from C.
generate=(make git clang llvm-strip /usr/include/bpf/bpf_helpers.h)
test=("${build[@]}" awk ethtool ip iperf3 jq ps rsvg-convert tc tcpdump)
# Kernels are booted in QEMU; scripts/kernels.sh unpacks them.
guest=("${build[@]}" dpkg-deb qemu-system-x86_64)
lint=("${build[@]}" awk shellcheck)
# The HTML page is driven in a real browser: 115 MB to fetch, 370 MB unpacked,
# which is why only CI insists on it.
browser=(chromium)
dist=("${build[@]}" awk dpkg-deb lintian)
compare=("${build[@]}" awk bpftrace cc jq unshare /usr/include/stdio.h)

check=false
need=()
(($#)) || set -- test
for target; do
	case $target in
	--check) check=true ;;
	-h | --help) usage && exit 0 ;;
	build | bench) need+=("${build[@]}") ;;
	test) need+=("${test[@]}") ;;
	guest) need+=("${guest[@]}") ;;
	generate) need+=("${generate[@]}") ;;
	lint) need+=("${lint[@]}") ;;
	dist) need+=("${dist[@]}") ;;
	compare) need+=("${compare[@]}") ;;
	ci) need+=("${test[@]}" "${guest[@]}" "${generate[@]}" "${lint[@]}" "${browser[@]}" cc /usr/include/stdio.h bpftool) ;;
	*)
		echo "setup: unknown target $target; choose build, bench, test, guest, generate, lint, compare, dist or ci" >&2
		exit 2
		;;
	esac
done
# `setup.sh --check` alone.
((${#need[@]})) || need=("${test[@]}")

# Debian keeps ip, tc, ethtool and bpftool where a user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin
missing=() packages=()
for item in "${need[@]}"; do
	if [[ $item == /* ]]; then
		[[ -e $item ]] && continue
	elif command -v "$item" >/dev/null; then
		continue
	fi
	[[ " ${missing[*]-} " == *" $item "* ]] || missing+=("$item")
	[[ " ${packages[*]-} " == *" ${package[$item]} "* ]] || packages+=("${package[$item]}")
done

install() {
	local root=() log
	if ((EUID != 0)); then
		if ! command -v sudo >/dev/null; then
			echo "setup: installing needs root, and sudo is not installed; as root: apt-get install ${packages[*]}" >&2
			exit 2
		fi
		root=(sudo)
	fi
	root+=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
	echo "setup: installing ${packages[*]}" >&2
	log=$(mktemp)
	# shellcheck disable=SC2064 # the name as it is now
	trap "rm -f '$log'" EXIT
	if ! { "${root[@]}" update && "${root[@]}" install -y --no-install-recommends "${packages[@]}"; } </dev/null >"$log" 2>&1; then
		cat "$log" >&2
		echo "setup: apt-get failed to install ${packages[*]}" >&2
		exit 2
	fi
}

status=0
if ((${#missing[@]})); then
	if ! $check && [[ -e /etc/debian_version ]] && command -v apt-get >/dev/null; then
		install
	else
		echo "setup: missing: ${missing[*]}" >&2
		echo "setup: the Debian packages that hold them: ${packages[*]}" >&2
		status=2
	fi
fi

# Go: GOTOOLCHAIN=auto, the default since 1.21, fetches the version that go.mod
# names; an older go cannot.
want=$(awk '$1 == "go" { print $2; exit }' go.mod)
older() { [[ $1 != "$2" && $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }
if ! command -v go >/dev/null; then
	echo "setup: go is not installed, or not in PATH; go $want or newer is needed: https://go.dev/dl/" >&2
	status=2
else
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	have=${have#go}
	have=${have%%[ -]*}
	if older "$have" 1.21; then
		echo "setup: go $have is too old to fetch another; go $want or newer is needed: https://go.dev/dl/" >&2
		status=2
	elif older "$have" "$want"; then
		if [[ $(cd / && go env GOTOOLCHAIN) == local ]]; then
			echo "setup: go $have is older than the $want of go.mod, and GOTOOLCHAIN=local keeps it from fetching that; run: go env -w GOTOOLCHAIN=auto" >&2
			status=2
		else
			echo "setup: go $have is older than the $want of go.mod; it will fetch that by itself at the first build" >&2
		fi
	fi
fi
exit "$status"
