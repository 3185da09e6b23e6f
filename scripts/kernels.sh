#!/usr/bin/env bash
# Downloads Debian kernels for `tunbench vm` and `tunbench kernels`.
#
#   scripts/kernels.sh [--list] [SERIES[-FLAVOUR]]...      default: 6.1 6.12
#
# SERIES is the beginning of a release, such as 6.1 or 6.12.107. The newest kernel of
# the series that this host's apt knows is downloaded, verified by apt, and unpacked
# into ${XDG_CACHE_HOME:-~/.cache}/tunbench/kernels/RELEASE/ as vmlinuz, modules/ and
# config. Nothing is installed, and root is not needed. Kernels that are already
# there are not downloaded again. --list prints them.
#
# FLAVOUR is cloud (the default: small, for virtual machines), rt (PREEMPT_RT)
# or amd64 (the generic kernel): 6.12-rt, 6.12-amd64. `tunbench vm --kernel` takes the
# same names, or a complete release: 6.12.107+deb12-rt-amd64.
set -euo pipefail

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

fail() {
	echo "kernels: $*" >&2
	exit 2
}

cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/tunbench/kernels
series=()
for arg; do
	case $arg in
	-h | --help) usage && exit 0 ;;
	--list)
		for dir in "$cache"/*/; do
			if [[ -e ${dir}vmlinuz ]]; then basename "$dir"; fi
		done | sort -V
		exit 0
		;;
	[0-9]*) series+=("$arg") ;;
	*)
		echo "kernels: $arg is no series such as 6.1 or 6.12-rt" >&2
		usage >&2
		exit 2
		;;
	esac
done
((${#series[@]})) || series=(6.1 6.12)

for program in apt-get apt-cache dpkg-deb; do
	command -v "$program" >/dev/null ||
		fail "$program is missing. Only Debian's kernels can be downloaded; on other systems, unpack a kernel into $cache/RELEASE/{vmlinuz,modules/,config}"
done
arch=$(dpkg --print-architecture)
[[ $arch == amd64 ]] || fail "the kernel lab boots amd64 kernels, and this is $arch"

# The newest package of a series: signed, no debugging symbols, no metapackage
# (which has no point release).
newest() { # SERIES FLAVOUR, which is empty for the generic kernel
	local begin=${1//./\\.} flavour=${2:+-$2}
	# The generic kernel is the one whose release names no flavour.
	apt-cache pkgnames "linux-image-$1" | grep -E "^linux-image-${begin//+/\\+}([.+-].*)?${flavour}-amd64\$" |
		if [[ -n $2 ]]; then cat; else grep -vE -- '-(cloud|rt)-amd64$'; fi |
		grep -E '^linux-image-[0-9]+\.[0-9]+\.[0-9]+' | sort -V | tail -n 1
}

mkdir -p "$cache"
tmp=$(mktemp -d "$cache/.fetch-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$tmp"
for s in "${series[@]}"; do
	flavour=cloud
	base=${s%-amd64}
	case $base in
	*-rt | *-cloud) flavour=${base##*-} && base=${base%-*} ;;
	*) if [[ $base != "$s" ]]; then flavour=; fi ;;
	esac
	package=$(newest "$base" "$flavour") || true
	[[ -n $package ]] ||
		fail "apt knows no ${flavour:-generic} kernel $base; if its lists are empty or old: apt-get update (root)"
	release=${package#linux-image-}
	if [[ -e $cache/$release/vmlinuz ]]; then
		echo "kernels: $release is already there" >&2
		continue
	fi
	echo "kernels: fetching $package" >&2
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
	echo "kernels: $cache/$release" >&2
done
