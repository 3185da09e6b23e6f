#!/usr/bin/env bash
# Builds the release files: a tarball and a Debian package for each architecture, and
# SHA256SUMS. The same commit built by the same version of Go gives the same bytes:
# nothing in them depends on the time, the user, the folder or the host.
#
#   scripts/dist.sh [--out DIR] [ARCH]...      default: .build/dist; amd64 arm64
#
# All timestamps are that of the commit, or SOURCE_DATE_EPOCH. Needs dpkg-deb, GNU
# tar and gzip. The Makefile passes VERSION, COMMIT and GO. Whoever distributes the
# package sets MAINTAINER to 'Name <address>'. Manual pages are taken from .build/man,
# where `make man` writes them.
set -euo pipefail
cd "$(dirname "$0")/.."

out=.build/dist
arches=()
while (($#)); do
	case $1 in
	--out)
		(($# > 1)) || { echo "dist: --out needs a folder" >&2; exit 2; }
		out=$2
		shift
		;;
	amd64 | arm64) arches+=("$1") ;;
	*)
		echo "dist: unknown argument $1; choose --out DIR, amd64 or arm64" >&2
		exit 2
		;;
	esac
	shift
done
((${#arches[@]})) || arches=(amd64 arm64)
for program in dpkg-deb tar gzip sha256sum; do
	command -v "$program" >/dev/null || { echo "dist: $program is not installed; on Debian: scripts/setup.sh dist" >&2; exit 2; }
done

go=${GO:-go}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null)} || true
[[ $epoch =~ ^[0-9]+$ ]] || { echo "dist: no timestamp for the files: outside of a git checkout, set SOURCE_DATE_EPOCH (in seconds)" >&2; exit 2; }
export SOURCE_DATE_EPOCH=$epoch TZ=UTC LC_ALL=C CGO_ENABLED=0
# Modes in the packages must not be those of the caller.
umask 022

# v1.2.3-4-gabc becomes 1.2.3+4.gabc: a Debian version begins with a digit, and
# its hyphen has a meaning. Without a tag it sorts below every release.
if [[ -n ${VERSION-} ]]; then
	version=${VERSION#v}
	version=${version/-/+}
	version=${version//-/.}
else
	version=0~git$(date -u -d "@$epoch" +%Y%m%d).${COMMIT:-unknown}
fi
[[ $version =~ ^[0-9][A-Za-z0-9.+~]*$ ]] || { echo "dist: $version is not a valid version of a Debian package: VERSION must begin with v and a digit" >&2; exit 2; }

maintainer=${MAINTAINER:-tunbench <tunbench@localhost>}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/done"

build() { # ARCH FILE
	# No build id: the linker's would be of the link command.
	GOOS=linux GOARCH=$1 GOAMD64=v1 GOARM64=v8.0 GOFLAGS='' "$go" build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X main.version=${VERSION-} -X main.commit=${COMMIT-}" -o "$2" ./bench/cmd/tunbench
}

# The README and its pages, in the same folders, so that links between them work.
pages=(README.md bench/advise/README.md bench/suite/README.md bench/cmd/tunbench/README.md bench/watch/README.md harness/vm/README.md reports/*.md reports/samples/*/* scripts/CI.md)
# What users of the pages need as a file: the dashboard to import, and files to copy.
pages+=(scripts/grafana/tunbench.json harness/program/programs/openvpn.yaml scripts/forwarder/forwarder.yaml)

# A binary for this host prints the completions.
build "$("$go" env GOHOSTARCH)" "$work/native"

for arch in "${arches[@]}"; do
	root=$work/$arch
	doc=$root/usr/share/doc/tunbench
	mkdir -p "$root"/usr/bin "$doc" "$root"/usr/share/bash-completion/completions "$root"/usr/share/zsh/vendor-completions "$root"/usr/share/fish/vendor_completions.d
	build "$arch" "$root/usr/bin/tunbench"
	"$work/native" completion bash >"$root/usr/share/bash-completion/completions/tunbench"
	"$work/native" completion zsh >"$root/usr/share/zsh/vendor-completions/_tunbench"
	"$work/native" completion fish >"$root/usr/share/fish/vendor_completions.d/tunbench.fish"
	cp --parents "${pages[@]}" "$doc/"
	mkdir -p "$doc/examples"
	cp -r scripts/fleet "$doc/examples/"
	# Debian has the texts of the licenses that many packages share, and wants them
	# named, not copied; the tarball has them in full.
	{
		cat <<-COPYRIGHT
			Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
			Upstream-Name: tunbench

			Files: *
			Copyright: the tunbench authors
			License: Apache-2.0

			Files: bpf/c/* bpf/*.o
			Copyright: the tunbench authors
			License: GPL-2 or BSD-2-clause

			License: Apache-2.0
			 The text is in /usr/share/common-licenses/Apache-2.0.

			License: GPL-2
			 The text is in /usr/share/common-licenses/GPL-2.

			License: BSD-2-clause
		COPYRIGHT
		# A line of text begins with a space, an empty one is a dot.
		sed -E 's/[[:space:]]+$//; s/^$/./; s/^/ /' bpf/LICENSE.BSD-2-Clause
	} >"$doc/copyright"
	{
		printf 'tunbench (%s) unstable; urgency=medium\n\n  * Built from commit %s.\n\n' "$version" "${COMMIT:-unknown}"
		printf ' -- %s  %s\n' "$maintainer" "$(date -u -R -d "@$epoch")"
	} | gzip -9n >"$doc/changelog.gz"
	if compgen -G '.build/man/*.1' >/dev/null; then
		mkdir -p "$root/usr/share/man/man1"
		for page in .build/man/*.1; do
			gzip -9nc "$page" >"$root/usr/share/man/man1/${page##*/}.gz"
		done
	fi
	find "$root" -type d -exec chmod 0755 {} + -o -type f -exec chmod 0644 {} +
	chmod 0755 "$root/usr/bin/tunbench"
	find "$doc/examples" -name '*.sh' -exec chmod 0755 {} + -o -name '*.sbatch' -exec chmod 0755 {} +
	find "$root" -exec touch -h -d "@$epoch" {} +

	# The tarball unpacks into a folder of its own and needs no root.
	name=tunbench-$version-linux-$arch
	mkdir -p "$work/tar/$name"
	cp -p "$root/usr/bin/tunbench" LICENSE "$work/tar/$name/"
	cp --parents "${pages[@]}" "$work/tar/$name/"
	cp -p bpf/LICENSE.GPL-2.0 bpf/LICENSE.BSD-2-Clause "$work/tar/$name/"
	cp -rp "$doc/examples/fleet" "$work/tar/$name/"
	mkdir "$work/tar/$name/completions"
	cp "$root/usr/share/bash-completion/completions/tunbench" "$work/tar/$name/completions/tunbench.bash"
	cp "$root/usr/share/zsh/vendor-completions/_tunbench" "$root/usr/share/fish/vendor_completions.d/tunbench.fish" "$work/tar/$name/completions/"
	if [[ -d $root/usr/share/man ]]; then
		mkdir "$work/tar/$name/man"
		cp "$root"/usr/share/man/man1/*.gz "$work/tar/$name/man/"
	fi
	tar --directory "$work/tar" --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' -cf - "$name" |
		gzip -9n >"$work/done/$name.tar.gz"

	mkdir "$root/DEBIAN"
	cat >"$root/DEBIAN/control" <<-CONTROL
		Package: tunbench
		Version: $version
		Architecture: $arch
		Maintainer: $maintainer
		Installed-Size: $(($(find "$root/usr" -type f -printf '%s\n' | awk '{ s += int(($1 + 1023) / 1024) } END { print s }')))
		Section: net
		Priority: optional
		Suggests: iperf3, qemu-system-x86
		Description: benchmark suite for Linux TUN/TAP devices
		 tunbench creates TUN and TAP devices in its own network namespace, sends
		 traffic through them, observes them in the kernel with eBPF, and reports
		 throughput, loss, latency and the distribution over queues. It accounts for
		 every packet.
		 .
		 The program is static and needs no other package.
	CONTROL
	(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	chmod 0755 "$root/DEBIAN"
	chmod 0644 "$root"/DEBIAN/*
	find "$root" -exec touch -h -d "@$epoch" {} +
	dpkg-deb --root-owner-group --uniform-compression -Zxz --threads-max=1 --build "$root" "$work/done/tunbench_${version}_$arch.deb" >/dev/null
done
(cd "$work/done" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)

# In one step: an interrupted make dist leaves what was there before.
mkdir -p "$(dirname "$out")"
new=$(mktemp -d "$(dirname "$out")/.dist.XXXXXX")
cp "$work/done"/* "$new/"
chmod 0755 "$new"
rm -rf "$out"
mv "$new" "$out"
ls -l "$out"
