#!/usr/bin/env bash
# Runs a command as root: directly if the caller is root, otherwise through sudo.
#
#   scripts/as-root.sh [--own DIR]... [--] COMMAND [ARG]...
#
# Afterwards, the files in each DIR belong to the caller, however the command ended.
# The command gets CI, PATH and XDG_CACHE_HOME; of the other variables it gets
# only those that sudo passes on. The exit code is that of the command.
set -euo pipefail

usage() {
	echo "usage: scripts/as-root.sh [--own DIR]... [--] COMMAND [ARG]..." >&2
	exit 2
}

own=()
while (($#)); do
	case $1 in
	--own)
		(($# > 1)) || usage
		own+=("$2")
		shift 2
		;;
	--)
		shift
		break
		;;
	-*) usage ;;
	*) break ;;
	esac
done
(($#)) || usage

# Runs as root. The terminal sends an interrupt to the command; the trap keeps this
# shell alive until the files belong to the caller again. Unlike an empty trap, a
# no-op trap is not inherited, so the command itself can be interrupted.
# shellcheck disable=SC2016 # expanded by the inner shell
inner='
owner=$1 dirs=$2
shift 2
trap : INT TERM HUP
status=0
"${@:dirs+1}" || status=$?
for dir in "${@:1:dirs}"; do
	if [[ -d $dir ]]; then chown -Rh -- "$owner" "$dir"; fi
done
exit "$status"
'

if ((EUID == 0)); then
	if [[ -z ${SUDO_UID-} || -z ${SUDO_GID-} || ${#own[@]} -eq 0 ]]; then
		exec "$@"
	fi
	exec bash -c "$inner" as-root "$SUDO_UID:$SUDO_GID" "${#own[@]}" "${own[@]}" "$@"
fi

if ! command -v sudo >/dev/null; then
	echo "as-root: $1 needs root, and sudo is not installed; run this as root" >&2
	exit 2
fi
env=("PATH=$PATH:/usr/sbin:/sbin")
if [[ -n ${CI-} ]]; then env+=("CI=$CI"); fi
if [[ -n ${XDG_CACHE_HOME-} ]]; then env+=("XDG_CACHE_HOME=$XDG_CACHE_HOME"); fi
if [[ -n ${NO_COLOR-} ]]; then env+=("NO_COLOR=$NO_COLOR"); fi
exec sudo -- env "${env[@]}" \
	bash -c "$inner" as-root "$(id -u):$(id -g)" "${#own[@]}" ${own[@]+"${own[@]}"} "$@"
