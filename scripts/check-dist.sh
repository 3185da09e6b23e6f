#!/usr/bin/env bash
# Checks what scripts/dist.sh builds: that building it again gives the same bytes, in
# another folder, at another time and for a user with other settings; that the
# package for this architecture installs into an empty root and runs there; and
# that lintian, if installed, finds no error.
#
#   scripts/check-dist.sh
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "check-dist: $*" >&2
	exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

scripts/dist.sh --out "$work/first" >/dev/null
# Another folder, time zone, locale, umask and time. In another folder, Go does not reuse
# the linked binary from its cache, which would be the same in any case.
git worktree list >/dev/null 2>&1 || fail "this is no git checkout"
mkdir "$work/elsewhere"
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -cf - | tar -C "$work/elsewhere" -xf -
if [[ -d .build/man ]]; then
	mkdir -p "$work/elsewhere/.build"
	cp -r .build/man "$work/elsewhere/.build/"
fi
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
(umask 077 && cd "$work/elsewhere" && find . -type f -exec touch {} + &&
	SOURCE_DATE_EPOCH=$epoch TZ=Asia/Tokyo LC_ALL=C.UTF-8 scripts/dist.sh --out "$work/second" >/dev/null)
for file in "$work"/first/*; do
	cmp "$file" "$work/second/${file##*/}" || fail "${file##*/} differs when it is made again"
done
(cd "$work/first" && sha256sum --quiet -c SHA256SUMS) || fail "SHA256SUMS are wrong"
echo "check-dist: building twice gave the same bytes: $(cd "$work/first" && echo *)"

arch=$(dpkg --print-architecture)
deb=$(echo "$work"/first/*_"$arch".deb)
[[ -e $deb ]] || fail "no package for $arch"
version=$(dpkg-deb --field "$deb" Version)
if ((EUID == 0)); then
	# A root of its own, with a database of its own: the host stays as it is.
	root=$work/root
	mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
	: >"$root/var/lib/dpkg/status"
	dpkg --root="$root" --force-script-chrootless --log=/dev/null -i "$deb" >/dev/null
	chroot "$root" /usr/bin/tunbench version >"$work/version" || fail "the installed program does not run"
	chroot "$root" /usr/bin/tunbench list --suite smoke --json >"$work/list" 2>/dev/null || fail "the installed program cannot list"
	[[ $(wc -l <"$work/list") -gt 1 ]] || fail "the installed program lists nothing"
	(cd "$root" && md5sum --quiet -c var/lib/dpkg/info/tunbench.md5sums) || fail "md5sums are wrong"
	dpkg --root="$root" --force-script-chrootless --log=/dev/null --purge tunbench >/dev/null
	left=$([[ ! -e $root/usr ]] || find "$root/usr" -type f)
	[[ -z $left ]] || fail "purging leaves files: $left"
else
	dpkg-deb --extract "$deb" "$work/root"
	"$work/root/usr/bin/tunbench" version >"$work/version" || fail "the program of the package does not run"
fi
echo "check-dist: $version installs and runs: $(<"$work/version")"

tarball=$(echo "$work"/first/*-linux-"$arch".tar.gz)
mkdir "$work/untar"
tar -C "$work/untar" -xzf "$tarball"
unpacked=$(echo "$work"/untar/*)
"$unpacked/tunbench" version | cmp - "$work/version" || fail "the tarball's program is another one"

# Each link of a page leads to a file of the tarball, but for those to the sources.
for page in $(cd "$unpacked" && find . -name '*.md' -not -path './fleet/*'); do
	while read -r link; do
		[[ -e $unpacked/${page%/*}/$link ]] ||
			[[ $(realpath -m --relative-to="$unpacked" "$unpacked/${page%/*}/$link") =~ ^(\.github/|bpf/|action\.yml|scripts/(fleet|tunlab)/|scripts/bisect\.sh) ]] ||
			fail "$page links to $link, which is not packed"
	done < <(grep -o '](\([^)#]*\)' "$unpacked/$page" | sed 's/^](//; /^http/d; /^$/d' | sort -u)
done
[[ -s $unpacked/scripts/grafana/tunbench.json ]] || fail "the dashboard for Grafana is not packed"

if command -v lintian >/dev/null; then
	# A Go binary is static by design, a package of upstream closes no bug, and one
	# that is built from a checkout has no address unless MAINTAINER gives it one.
	lintian --allow-root --fail-on error --suppress-tags statically-linked-binary,initial-upload-closes-no-bugs,bogus-mail-host,bogus-mail-host-in-debian-changelog "$work"/first/*.deb
else
	echo "check-dist: lintian is not installed, the packages are not checked against Debian's policy" >&2
fi
