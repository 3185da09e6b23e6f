#!/usr/bin/env bash
# Builds the TUN modules of the lab for a Debian kernel of the series 6.12.
#
#   scripts/tunlab/build.sh [--list] [KERNEL]      default: 6.12
#
# KERNEL is a kernel that scripts/kernels.sh has fetched (that is not the running one): a
# release or the beginning of it. Its headers and its sources are downloaded by apt-get,
# verified by apt, and unpacked into ${XDG_CACHE_HOME:-~/.cache}/tunbench/tunlab/RELEASE/.
# Where this host's apt does not know them, they are those of Debian 12, as for kernels.sh.
# Nothing is installed, and root is not needed. Modules that are already there are not
# built again. Prints the folder of the modules:
#
#   same-1.ko, same-2.ko  the kernel's own TUN, built twice from the same source
#   300ns.ko              with delay.patch: each packet that is sent takes 300 ns longer
#   nops.ko               with nops.patch: 16 instructions more in tun_net_xmit
#   lab.ko                with backpressure.patch: the parameter is lab=off|on|missed|each
#
# --list only prints the folder, and fails if it is not complete. The compiler of the
# kernel is needed (gcc-12 for 6.12 of Debian 12), make, patch and pahole.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

say() { echo "tunlab: $*" >&2; }

fail() {
	say "$*"
	exit 2
}

list=false
[[ ${1-} == --list ]] && list=true && shift
[[ ${1-} == -h || ${1-} == --help ]] && usage && exit 0
(($# <= 1)) || { usage >&2 && exit 2; }
series=${1:-6.12}
[[ $series == 6.12* ]] || fail "$series: the patch is for kernels of the series 6.12"

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/tunbench
release=$("$here/../kernels.sh" --list | grep -E "^${series//./\\.}([^0-9]|\$)" | grep -E -- '-cloud-amd64$' | tail -n 1) ||
	fail "no cloud kernel $series is in $cache/kernels: scripts/kernels.sh $series fetches one"
out=$cache/tunlab/$release
modules=(same-1.ko same-2.ko 300ns.ko nops.ko lab.ko)
# Made anew if the patch or this script has changed.
sum=$(cat "$here"/*.patch "$here/build.sh" | sha256sum)
complete() {
	local m
	[[ $(cat "$out/sum" 2>/dev/null) == "$sum" ]] || return 1
	for m in "${modules[@]}"; do [[ -e $out/$m ]] || return 1; done
}
if complete; then
	echo "$out"
	exit 0
fi
! $list || fail "the modules for $release are not built: scripts/tunlab/build.sh"

for program in apt-get dpkg-deb make patch pahole xz; do
	command -v "$program" >/dev/null || fail "$program is missing: scripts/setup.sh tunlab installs it"
done
# shellcheck source=scripts/debian.bash
. "$here/../debian.bash"
version=${release%-cloud-amd64}
mkdir -p "$cache/tunlab"
tmp=$(mktemp -d "$cache/tunlab/.build-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "fetching the headers and the sources of $release"
# The version of the packages, such as 6.12.117-1~deb12u1, which all have in common.
version_of() { apt-cache madison "$1" | awk 'NR == 1 { print $3 }'; }
debian=$(version_of "linux-headers-$release")
if [[ -z $debian ]] && ! has_bookworm; then
	bookworm_apt amd64 || exit 2
	debian=$(version_of "linux-headers-$release")
fi
[[ -n $debian ]] || fail "apt knows no linux-headers-$release; if its lists are empty or old: apt-get update (root)"
if ! (cd "$tmp" && apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root download "linux-headers-$release=$debian" \
	"linux-headers-$version-common=$debian" "linux-kbuild-$version=$debian" "linux-source-6.12=$debian") </dev/null >"$tmp/log" 2>&1; then
	cat "$tmp/log" >&2
	fail "apt-get could not download the packages; if its lists are old: apt-get update (root)"
fi
for deb in "$tmp"/linux-headers-*.deb "$tmp"/linux-kbuild-*.deb; do
	dpkg-deb --extract "$deb" "$tmp/root"
done
# Of the sources one file is needed, which stands in the first quarter of the archive.
dpkg-deb --fsys-tarfile "$tmp"/linux-source-6.12_*.deb 2>/dev/null | tar -xO ./usr/src/linux-source-6.12.tar.xz |
	xz -dc 2>/dev/null | tar -xO --occurrence=1 linux-source-6.12/drivers/net/tun.c >"$tmp/tun.c" 2>/dev/null || true
[[ -s $tmp/tun.c ]] || fail "drivers/net/tun.c is not in the package linux-source-6.12"
rm -f "$tmp"/*.deb
headers=$tmp/root/usr/src/linux-headers-$release
[[ -e $headers/Makefile && -e $headers/Module.symvers ]] || fail "linux-headers-$release holds no headers"
# The packages expect to be below /usr.
sed -i "s|/usr/src/|$tmp/root/usr/src/|" "$headers/Makefile"

build() { # MODULE SOURCE [FLAG]...
	local dir=$tmp/build/$1 log=$tmp/build/$1.log
	mkdir -p "$dir"
	cp "$2" "$dir/tun.c"
	echo "obj-m := tun.o" >"$dir/Makefile"
	if ! make -C "$headers" M="$dir" KCFLAGS="${*:3}" modules >"$log" 2>&1; then
		cat "$log" >&2
		fail "$1 cannot be built; the compiler of this kernel is $(sed -n 's/^CONFIG_CC_VERSION_TEXT=//p' "$headers/.config")"
	fi
	strip --strip-debug -o "$tmp/modules/$1.ko" "$dir/tun.ko"
}
mkdir -p "$tmp/modules"
for name in backpressure delay nops; do
	cp "$tmp/tun.c" "$tmp/$name.c"
	patch -s -F0 "$tmp/$name.c" "$here/$name.patch" || fail "$name.patch does not fit the tun.c of $debian"
done
say "building tun.ko for $release"
build same-1 "$tmp/tun.c"
build same-2 "$tmp/tun.c"
build lab "$tmp/backpressure.c"
build 300ns "$tmp/delay.c" -DTUNLAB_DELAY_NS=300
build nops "$tmp/nops.c"
echo "$sum" >"$tmp/modules/sum"
rm -rf "$out"
mv -T "$tmp/modules" "$out"
echo "$out"
