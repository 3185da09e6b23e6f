#!/usr/bin/env bash
# Downloads Debian kernels for `tunbench vm` and `tunbench kernels`.
#
#   scripts/kernels.sh [--list | --available] [--arch ARCH] [SERIES[-FLAVOUR]]...      default: 6.1 6.12
#
# SERIES is the beginning of a release, such as 6.1 or 6.12.107. The newest kernel of
# the series that this host's apt knows is downloaded, verified by apt, and unpacked
# into ${XDG_CACHE_HOME:-~/.cache}/tunbench/kernels/RELEASE/ as vmlinuz, modules/ and
# config. Nothing is installed, and root is not needed. Kernels that are already
# there are not downloaded again. --list prints them. --available downloads no kernel: it
# prints every release of the series that apt knows or that is there, the oldest first.
#
# FLAVOUR is cloud (the default: small, for virtual machines), rt (PREEMPT_RT)
# or amd64 (the generic kernel): 6.12-rt, 6.12-amd64. `tunbench vm --kernel` takes the
# same names, or a complete release: 6.12.107+deb12-rt-amd64.
#
# ARCH is amd64 or arm64; the default is that of this host, or that of a name that ends
# in one: 6.12-cloud-arm64, 6.12-arm64 (generic).
#
# Where this host's apt knows no kernel of the series (Ubuntu; 6.1 on Debian 13), the
# kernel is one of Debian 12. For that, and for another architecture than the host's, apt
# keeps lists of its own in tunbench/apt of the cache folder: the settings of the host
# are read, and stay as they are. Debian 12 is downloaded from the mirror that the
# variable DEBIAN_MIRROR names; without it, from the Debian mirror of this host's apt, or
# else from the default mirror of the package debootstrap. The address of its security
# updates is that of Debian's in this host's apt, or else the mirror's with -security
# appended. apt verifies both by the keyring of the package debian-archive-keyring, or by
# the one whose path is in DEBIAN_KEYRING. scripts/setup.sh kernels installs the two
# packages where they are needed.
set -euo pipefail

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

say() { echo "kernels: $*" >&2; }

fail() {
	say "$*"
	exit 2
}

top=${XDG_CACHE_HOME:-${HOME:?}/.cache}/tunbench
cache=$top/kernels
series=() wanted='' available=''
while (($#)); do
	case $1 in
	-h | --help) usage && exit 0 ;;
	--list)
		for dir in "$cache"/*/; do
			if [[ -e ${dir}vmlinuz ]]; then basename "$dir"; fi
		done | sort -V
		exit 0
		;;
	--available) available=yes ;;
	--arch)
		[[ ${2-} == a[mr][dm]64 ]] || fail "--arch ${2-}: choose amd64 or arm64"
		wanted=$2
		shift
		;;
	[0-9]*) series+=("$1") ;;
	*)
		say "$1 is no series such as 6.1 or 6.12-rt"
		usage >&2
		exit 2
		;;
	esac
	shift
done
((${#series[@]})) || series=(6.1 6.12)

for program in apt-get apt-cache dpkg-deb; do
	command -v "$program" >/dev/null ||
		fail "$program is missing. Only Debian's kernels can be downloaded; on other systems, unpack a kernel into $cache/RELEASE/{vmlinuz,modules/,config}"
done
host=$(dpkg --print-architecture)
# shellcheck source=scripts/debian.bash
. "$(dirname "$0")/debian.bash"

# Selects the packages of a series from the names of packages, the oldest first: signed, no
# debugging symbols, no metapackage (which has no point release).
packages() { # SERIES FLAVOUR, which is empty for the generic kernel; uses arch
	local begin=${1//./\\.} flavour=${2:+-$2}
	# The generic kernel is the one whose release names no flavour.
	grep -E "^linux-image-${begin//+/\\+}([.+-].*)?${flavour}-$arch\$" |
		if [[ -n $2 ]]; then cat; else grep -vE -- "-(cloud|rt)-$arch\$"; fi |
		grep -E '^linux-image-[0-9]+\.[0-9]+\.[0-9]+' | sort -Vu
}

# The packages of a series that apt knows: of this host's lists, or of the same mirrors for
# another architecture, or else of Debian 12. Returns false, and says why, if lists that are
# needed cannot be had.
known() { # SERIES FLAVOUR; sets list, uses arch
	local sources
	list='' apt_config=''
	if [[ $arch == "$host" ]]; then
		list=$(apt-cache pkgnames "linux-image-$1" | packages "$@") || true
	elif sources=$(host_sources) && [[ -n $sources ]]; then
		own_apt "$arch" "$arch" "$sources" || return
		list=$(apt-cache pkgnames "linux-image-$1" | packages "$@") || true
	fi
	if [[ -z $list ]] && ! has_bookworm; then
		bookworm_apt "$arch" || return
		list=$(apt-cache pkgnames "linux-image-$1" | packages "$@") || true
	fi
}

mkdir -p "$cache"
tmp=$(mktemp -d "$cache/.fetch-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$tmp"
for s in "${series[@]}"; do
	flavour=cloud arch=${wanted:-$host}
	case $s in
	*-amd64 | *-arm64)
		arch=${s##*-}
		[[ -z $wanted || $arch == "$wanted" ]] || fail "$s is not for --arch $wanted"
		;;
	esac
	[[ $arch == a[mr][dm]64 ]] || fail "the kernel lab boots amd64 and arm64 kernels, and this is $arch: choose one with --arch"
	base=${s%-"$arch"}
	case $base in
	*-rt | *-cloud) flavour=${base##*-} && base=${base%-*} ;;
	*) if [[ $base != "$s" ]]; then flavour=; fi ;;
	esac
	# What is there can be listed without lists.
	known "$base" "$flavour" || [[ $available ]] || exit 2
	if [[ $available ]]; then
		list=$({ echo "$list" && "$0" --list | sed 's/^/linux-image-/'; } | packages "$base" "$flavour") || true
		[[ -z $list ]] || echo "${list//linux-image-/}"
		continue
	fi
	package=$(tail -n 1 <<<"$list")
	[[ -n $package ]] ||
		fail "apt knows no ${flavour:-generic} kernel $base for $arch, nor one of Debian 12; if its lists are empty or old: apt-get update (root)"
	release=${package#linux-image-}
	if [[ -e $cache/$release/vmlinuz ]]; then
		say "$release is already there"
		continue
	fi
	say "fetching $package"
	# apt-get checks size, hash and signature of what it downloads. As root it
	# would download as _apt, which may not write here.
	if ! (cd "$tmp" && apt-get -qq -o Dpkg::Use-Pty=0 -o APT::Sandbox::User=root download "$package") </dev/null >"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		fail "apt-get could not download $package; if its lists are old: apt-get update (root)"
	fi
	debs=("$tmp"/linux-image-*.deb)
	[[ -e ${debs[0]} ]] || fail "apt-get downloaded no package for $package"
	dpkg-deb --extract "${debs[0]}" "$tmp/root"
	rm -f "${debs[@]}"

	modules=$tmp/root/lib/modules/$release
	[[ -d $modules ]] || modules=$tmp/root/usr/lib/modules/$release
	[[ -f $tmp/root/boot/vmlinuz-$release && -d $modules ]] ||
		fail "$package does not contain a kernel and its modules"
	mkdir "$tmp/kernel"
	mv "$tmp/root/boot/vmlinuz-$release" "$tmp/kernel/vmlinuz"
	mv "$tmp/root/boot/config-$release" "$tmp/kernel/config"
	mv "$modules" "$tmp/kernel/modules"
	# Links to headers that are not installed.
	rm -f "$tmp/kernel/modules/build" "$tmp/kernel/modules/source"
	rm -rf "$tmp/root"
	# Another instance of this script may have finished first.
	mv -T "$tmp/kernel" "$cache/$release" 2>/dev/null || [[ -e $cache/$release/vmlinuz ]] ||
		fail "could not move $release into $cache"
	rm -rf "$tmp/kernel"
	say "$cache/$release"
done
