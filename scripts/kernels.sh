#!/usr/bin/env bash
# Downloads Debian kernels for `tunbench vm` and `tunbench kernels`.
#
#   scripts/kernels.sh [--list | --available] [--arch ARCH] [SERIES[-FLAVOUR]]...      default: 6.1 6.12
#
# SERIES is the beginning of a release, such as 6.1 or 6.12.107. The newest kernel of
# the series that this host's apt knows is downloaded, verified by apt, and unpacked
# into ${XDG_CACHE_HOME:-~/.cache}/tunbench/kernels/RELEASE/ as vmlinuz, modules/ and
# config. Nothing is installed, and root is not needed. Kernels that are already
# there are not downloaded again. --list prints them. --available downloads nothing: it
# prints every release of the series that apt knows or that is there, the oldest first.
#
# FLAVOUR is cloud (the default: small, for virtual machines), rt (PREEMPT_RT)
# or amd64 (the generic kernel): 6.12-rt, 6.12-amd64. `tunbench vm --kernel` takes the
# same names, or a complete release: 6.12.107+deb12-rt-amd64.
#
# ARCH is amd64 or arm64; the default is that of this host, or that of a name that ends
# in one: 6.12-cloud-arm64, 6.12-arm64 (generic). For another architecture than the
# host's, apt keeps lists of its own in tunbench/apt/ARCH of the cache folder: the
# settings of the host are read, and stay as they are.
set -euo pipefail

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

fail() {
	echo "kernels: $*" >&2
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
		echo "kernels: $1 is no series such as 6.1 or 6.12-rt" >&2
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

# Lets apt look for packages of another architecture than the host's: sets apt_config,
# and fetches the lists of packages if they are older than an hour.
apt_config=
foreign() { # ARCH
	local own=$top/apt/$1
	mkdir -p "$own"/{lists/partial,archives/partial}
	: >"$own/status"
	# The Debian mirrors of this host.
	# shellcheck disable=SC2016 # expanded by apt-get
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
		sort -u >"$own/sources.list"
	[[ -s $own/sources.list ]] || fail "apt knows no mirror of Debian, which has the kernels; if its lists are empty: apt-get update (root)"
	apt_config=$own/apt.conf
	cat >"$apt_config" <<-CONF
		#clear APT::Architectures;
		#clear APT::Update;
		#clear DPkg;
		#clear Acquire::IndexTargets::deb::DEP-11;
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Dir::Etc::sourcelist "$own/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::State "$own";
		Dir::State::status "$own/status";
		Dir::Cache "$own";
	CONF
	if [[ -n $(find "$own/lists" -maxdepth 1 -name '*Packages*' -mmin -60 -print -quit) ]]; then return; fi
	echo "kernels: fetching Debian's lists of packages for $1" >&2
	if ! apt-get -qq update </dev/null >"$tmp/log" 2>&1; then
		cat "$tmp/log" >&2
		fail "apt-get could not fetch the lists of packages for $1"
	fi
	# apt does not set their time to now.
	find "$own/lists" -maxdepth 1 -name '*Packages*' -exec touch {} +
}

apt-get() { env ${apt_config:+APT_CONFIG="$apt_config"} apt-get "$@"; }
apt-cache() { env ${apt_config:+APT_CONFIG="$apt_config"} apt-cache "$@"; }

# The packages of a series, the oldest first: signed, no debugging symbols, no
# metapackage (which has no point release).
packages() { # SERIES FLAVOUR, which is empty for the generic kernel; uses arch
	local begin=${1//./\\.} flavour=${2:+-$2}
	# The generic kernel is the one whose release names no flavour.
	{
		apt-cache pkgnames "linux-image-$1"
		if [[ $available ]]; then "$0" --list | sed 's/^/linux-image-/'; fi
	} | grep -E "^linux-image-${begin//+/\\+}([.+-].*)?${flavour}-$arch\$" |
		if [[ -n $2 ]]; then cat; else grep -vE -- "-(cloud|rt)-$arch\$"; fi |
		grep -E '^linux-image-[0-9]+\.[0-9]+\.[0-9]+' | sort -Vu
}

mkdir -p "$cache"
tmp=$(mktemp -d "$cache/.fetch-XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$tmp"
for s in "${series[@]}"; do
	flavour=cloud arch=${wanted:-$host} apt_config=
	case $s in
	*-amd64 | *-arm64)
		arch=${s##*-}
		[[ -z $wanted || $arch == "$wanted" ]] || fail "$s is not for --arch $wanted"
		;;
	esac
	[[ $arch == a[mr][dm]64 ]] || fail "the kernel lab boots amd64 and arm64 kernels, and this is $arch: choose one with --arch"
	[[ $arch == "$host" ]] || foreign "$arch"
	base=${s%-"$arch"}
	case $base in
	*-rt | *-cloud) flavour=${base##*-} && base=${base%-*} ;;
	*) if [[ $base != "$s" ]]; then flavour=; fi ;;
	esac
	list=$(packages "$base" "$flavour") || true
	if [[ $available ]]; then
		[[ -z $list ]] || echo "${list//linux-image-/}"
		continue
	fi
	package=$(tail -n 1 <<<"$list")
	[[ -n $package ]] ||
		fail "apt knows no ${flavour:-generic} kernel $base for $arch; if its lists are empty or old: apt-get update (root)"
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
