#!/usr/bin/env bash
# Installs the programs that a target of the Makefile needs, if they are missing.
#
#   scripts/setup.sh [--check] [build|bench|test|guest|kernels|arm64|tunlab|slurm|browser|generate|lint|compare|dist|ci]...
#
# The default is `test`. On Debian and Ubuntu, packages are installed with apt-get,
# through sudo if the caller is not root. Package lists are updated if they are empty
# or outdated. `kernels` downloads the kernels that the guest tests boot to the cache
# folder of the caller (scripts/kernels.sh). They are Debian's: on Ubuntu, Debian's keyring
# and debootstrap, which names a mirror of Debian, are installed first (without
# debootstrap if DEBIAN_MIRROR names one). `arm64` installs and downloads what a test
# of an arm64 guest needs; `tunlab` builds the TUN modules of the lab (180 MB to
# download, scripts/tunlab/build.sh); `slurm` installs Slurm without starting its services,
# for a test that runs a cluster of its own. On other systems, and with --check, nothing is installed:
# missing programs are listed and the exit code is 2, as it is if something could not be
# installed. Go is never installed; if it is missing, the script prints where to get it.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' scripts/setup.sh
}

# A program or a file, and the Debian package that contains it.
declare -A package=(
	[archive-keyring]=debian-archive-keyring [awk]=mawk [bpftool]=bpftool [bpftrace]=bpftrace [cc]=gcc [certificates]=ca-certificates [chromium]=chromium [clang]=clang [debootstrap]=debootstrap [dpkg-deb]=dpkg [edge]=n2n [ethtool]=ethtool [fastd]=fastd [git]=git [gpg]=gpg [gpg-agent]=gpg-agent
	[ip]=iproute2 [iperf3]=iperf3 [jq]=jq [lintian]=lintian [llvm-strip]=llvm [make]=make [mandoc]=mandoc [openssl]=openssl [openvpn]=openvpn [pahole]=dwarves [patch]=patch [ps]=procps [qemu-system-aarch64]=qemu-system-arm [qemu-system-x86_64]=qemu-system-x86 [rsvg-convert]=librsvg2-bin
	[munged]=munge [sbatch]=slurm-client [shellcheck]=shellcheck [slurmctld]=slurmctld [slurmd]=slurmd [tc]=iproute2 [tcpdump]=tcpdump [tincd]=tinc [unshare]=util-linux [wg]=wireguard-tools [wireguard-go]=wireguard-go [x86_64-linux-gnu-gcc-12]=gcc-12 [xz]=xz-utils
	[/usr/include/bpf/bpf_helpers.h]=libbpf-dev [/usr/include/linux/bpf.h]=linux-libc-dev [/usr/include/stdio.h]=libc6-dev
	[/usr/share/bash-completion/bash_completion]=bash-completion
)
# Go downloads modules over TLS.
build=(make git certificates)
# The BPF objects are compiled from C with the headers of libbpf.
generate=(make git clang llvm-strip /usr/include/bpf/bpf_helpers.h /usr/include/linux/bpf.h)
# VPNs that ship as program files.
vpns=(edge fastd openssl openvpn tincd wg wireguard-go)
test=("${build[@]}" awk cc ethtool gpg gpg-agent ip iperf3 jq mandoc ps rsvg-convert tc tcpdump /usr/share/bash-completion/bash_completion /usr/include/stdio.h "${vpns[@]}")
# Kernels are booted in QEMU; scripts/kernels.sh unpacks them.
guest=("${build[@]}" dpkg-deb qemu-system-x86_64)
# An arm64 guest, which is emulated elsewhere.
arm64=("${build[@]}" dpkg-deb qemu-system-aarch64)
# The kernels that the guest tests boot, by the names that scripts/kernels.sh takes.
kernels=(6.1 6.12)
arm64_kernels=(6.12-cloud-arm64)
# The TUN modules of the lab are built with the compiler of Debian's 6.12.
tunlab=(dpkg-deb make pahole patch x86_64-linux-gnu-gcc-12 xz)
# A cluster of one machine runs the job script of scripts/fleet.
slurm=(munged sbatch slurmctld slurmd)
lint=("${build[@]}" awk shellcheck)
# Tests of the HTML page run in a real browser. It is 115 MB to download and 370 MB
# unpacked, so only CI installs and requires it.
browser=(chromium)
dist=("${build[@]}" awk dpkg-deb lintian)
compare=("${build[@]}" awk bpftrace cc jq unshare /usr/include/stdio.h)

check=false
build_modules=false
fetch=()
need=()
(($#)) || set -- test
for target; do
	case $target in
	--check) check=true ;;
	-h | --help) usage && exit 0 ;;
	build | bench) need+=("${build[@]}") ;;
	test) need+=("${test[@]}") ;;
	guest) need+=("${guest[@]}") ;;
	kernels) need+=(dpkg-deb) && fetch+=("${kernels[@]}") ;;
	arm64) need+=("${arm64[@]}") && fetch+=("${arm64_kernels[@]}") ;;
	tunlab) need+=("${tunlab[@]}") && fetch+=(6.12) build_modules=true ;;
	slurm) need+=("${slurm[@]}") ;;
	browser) need+=("${browser[@]}") ;;
	generate) need+=("${generate[@]}") ;;
	lint) need+=("${lint[@]}") ;;
	dist) need+=("${dist[@]}") ;;
	compare) need+=("${compare[@]}") ;;
	ci) need+=("${test[@]}" "${guest[@]}" "${arm64[@]}" "${generate[@]}" "${lint[@]}" "${browser[@]}" "${tunlab[@]}" "${slurm[@]}" bpftool) && fetch+=("${kernels[@]}" "${arm64_kernels[@]}") build_modules=true ;;
	*)
		echo "setup: unknown target $target; choose build, bench, test, guest, kernels, arm64, tunlab, slurm, browser, generate, lint, compare, dist or ci" >&2
		exit 2
		;;
	esac
done
# `setup.sh --check` alone.
((${#need[@]})) || need=("${test[@]}")

# On Debian, ip, tc, ethtool and bpftool are not in the PATH of a user.
PATH=$PATH:/usr/sbin:/sbin
present() { # ITEM
	local file
	case $1 in
	/*) [[ -e $1 ]] ;;
	# The places where Go looks for them (crypto/x509, root_linux.go).
	certificates)
		for file in "${SSL_CERT_FILE-}" "${SSL_CERT_DIR-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
			/etc/ssl/ca-bundle.pem /etc/pki/tls/cacert.pem /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/cert.pem; do
			[[ -n $file && -e $file ]] && return
		done
		return 1
		;;
	# The keyring by which apt verifies Debian's packages, under both of its names.
	archive-keyring) [[ -e /usr/share/keyrings/debian-archive-keyring.gpg || -e /usr/share/keyrings/debian-archive-keyring.pgp ]] ;;
	# Any browser that the tests can use.
	chromium) command -v chromium chromium-browser google-chrome >/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}
missing=() packages=()
look() { # sets missing and packages
	local item
	missing=() packages=()
	for item in "${need[@]}"; do
		if present "$item"; then continue; fi
		[[ " ${missing[*]-} " == *" $item "* ]] || missing+=("$item")
		[[ " ${packages[*]-} " == *" ${package[$item]} "* ]] || packages+=("${package[$item]}")
	done
}
unfetched() { # prints the kernels that are wanted and have not been downloaded
	local s have pattern other=arm64
	if [[ $(uname -m) == aarch64 ]]; then other=amd64; fi
	have=$(scripts/kernels.sh --list)
	for s in "${fetch[@]}"; do
		pattern=${s//./\\.}
		case $s in
		*-arm64) grep -qE "^${pattern%%-*}[^0-9].*-${s#*-}\$" <<<"$have" || echo "$s" ;;
		*) grep -v -- "-$other\$" <<<"$have" | grep -E "^$pattern([^0-9]|\$)" >/dev/null || echo "$s" ;;
		esac
	done
}

log=$(mktemp)
policy=''
root=()
as_root() { ${root[@]+"${root[@]}"} "$@"; }
trap 'rm -f "$log"; if [[ -n $policy ]]; then as_root rm -f "$policy"; fi' EXIT
may_install() { # whether apt-get can run as root; if not, prints why
	((EUID == 0)) && return
	local why='sudo is not installed' command='apt-get update'
	if command -v sudo >/dev/null; then
		# sudo -v asks for the password once, if it is needed.
		if sudo -n true 2>/dev/null || sudo -v; then
			root=(sudo)
			return
		fi
		why='this user may not use sudo'
	fi
	((${#packages[@]} == 0)) || command+=" && apt-get install ${packages[*]}"
	echo "setup: installing needs root, and $why; as root: $command" >&2
	return 1
}
apt() { # its output goes to the log
	${root[@]+"${root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >>"$log" 2>&1
}
updated=false
update() { # once
	if $updated; then return 1; fi
	updated=true
	((EUID == 0 || ${#root[@]})) || may_install || return 1
	echo "setup: apt-get update" >&2
	apt update
}
known() { # whether apt's lists contain every PACKAGE
	local name
	for name; do
		[[ -n $(apt-cache madison "$name" 2>/dev/null) ]] || return 1
	done
}
# Debian starts the services of a package when it is installed, and at each boot. Those of
# Slurm are not wanted on this host: the test starts its own. A policy (deb-systemd-invoke(1),
# invoke-rc.d(8)) keeps them from being started, and afterwards they are disabled.
services=()
without_services() {
	local name
	for name in munge slurmctld slurmd; do
		if [[ " ${packages[*]} " == *" $name "* ]]; then services+=("$name"); fi
	done
	if ((${#services[@]})) && [[ ! -e /usr/sbin/policy-rc.d ]]; then
		policy=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
		as_root chmod 755 "$policy"
	fi
}
disable_services() {
	local name
	if [[ -n $policy ]]; then as_root rm -f "$policy"; fi
	policy=''
	for name in ${services[@]+"${services[@]}"}; do
		if command -v systemctl >/dev/null; then as_root systemctl disable "$name" >>"$log" 2>&1 || true; fi
		if command -v update-rc.d >/dev/null; then as_root update-rc.d "$name" disable >>"$log" 2>&1 || true; fi
	done
}
install() {
	local code=0
	may_install || return 2
	without_services
	install_packages || code=$?
	disable_services
	return "$code"
}
install_packages() {
	local name failed=()
	echo "setup: installing ${packages[*]}" >&2
	if ! known "${packages[@]}"; then update || true; fi
	if apt install -y --no-install-recommends "${packages[@]}"; then return; fi
	# Old package lists can name packages that no longer exist.
	if update && apt install -y --no-install-recommends "${packages[@]}"; then return; fi
	# One package that cannot be installed must not prevent the others.
	for name in "${packages[@]}"; do
		apt install -y --no-install-recommends "$name" || failed+=("$name")
	done
	((${#failed[@]})) || return 0
	cat "$log" >&2
	echo "setup: apt-get failed to install ${failed[*]}" >&2
	return 2
}
fresh() { # whether apt's lists are less than an hour old
	[[ -n $(find /var/lib/apt/lists -name '*Packages*' -mmin -60 -print -quit 2>/dev/null) ]]
}
# One series after the other: another is fetched if one cannot be.
fetch_kernels() {
	local s code=0
	for s in $(unfetched); do
		if ! scripts/kernels.sh "$s" 2>"$log" && ! { ! fresh && update && scripts/kernels.sh "$s" 2>"$log"; }; then
			echo "setup: kernel $s could not be downloaded, and the tests that boot it cannot run:" >&2
			code=2
		fi
		cat "$log" >&2
	done
	return "$code"
}

status=0
debian=false
if [[ -e /etc/debian_version ]] && command -v apt-get >/dev/null; then debian=true; fi
# What scripts/kernels.sh needs where the host's apt does not know the kernels.
if $debian && ((${#fetch[@]})) && { $build_modules || [[ -n $(unfetched) ]]; }; then
	[[ -n ${DEBIAN_KEYRING-} ]] || need+=(archive-keyring)
	[[ -n ${DEBIAN_MIRROR-} || $(. /etc/os-release && echo "$ID") == debian ]] || need+=(debootstrap)
fi
look
if ((${#missing[@]})); then
	if ! $check && $debian; then
		install || status=2
		look
	fi
	if ((${#missing[@]})); then
		echo "setup: missing: ${missing[*]}" >&2
		echo "setup: they are in the Debian packages: ${packages[*]}" >&2
		status=2
	fi
fi
if ((${#fetch[@]})); then
	if ! $check && $debian; then
		fetch_kernels || status=2
	elif series=$(unfetched) && [[ -n $series ]]; then
		echo "setup: missing: Debian kernels for the tests that boot them: ${series//$'\n'/ } (scripts/kernels.sh)" >&2
		status=2
	fi
fi

# With GOTOOLCHAIN=auto, the default since Go 1.21, go downloads the version that
# go.mod names. Older versions cannot.
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
		echo "setup: go $have is too old to download a newer version; go $want or newer is needed: https://go.dev/dl/" >&2
		status=2
	elif older "$have" "$want"; then
		if [[ $(cd / && go env GOTOOLCHAIN) == local ]]; then
			echo "setup: go $have is older than the $want of go.mod, and GOTOOLCHAIN=local prevents it from downloading that version; run: go env -w GOTOOLCHAIN=auto" >&2
			status=2
		else
			echo "setup: go $have is older than the $want of go.mod; the first build will download that version" >&2
		fi
	fi
fi
if $build_modules && ! scripts/tunlab/build.sh --list >/dev/null 2>&1; then
	if $check || ! $debian; then
		echo "setup: missing: the TUN modules of the lab (scripts/tunlab/build.sh)" >&2
		status=2
	elif ! scripts/tunlab/build.sh >/dev/null; then
		status=2
	fi
fi
exit "$status"
