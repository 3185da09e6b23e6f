#!/usr/bin/env bash
# Checks that this machine can create TUN/TAP devices, and if not, prints what to do.
# The exit code is 2 if it cannot.
set -euo pipefail

if [[ -c /dev/net/tun ]]; then exit 0; fi
if [[ -e /dev/net/tun ]]; then
	echo "/dev/net/tun is not a character device" >&2
	exit 2
fi
cat >&2 <<'MESSAGE'
/dev/net/tun is missing, so TUN/TAP devices cannot be created here.
  If the driver is a module:   sudo modprobe tun
  In a container:              start it with --device /dev/net/tun --cap-add NET_ADMIN --cap-add NET_RAW --cap-add SYS_ADMIN --cap-add BPF --cap-add PERFMON
  If only the node is missing: sudo mkdir -p /dev/net && sudo mknod /dev/net/tun c 10 200
MESSAGE
exit 2
