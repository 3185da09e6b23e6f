#!/usr/bin/env bash
# Checks that a command leaves the host as it was. Lists network devices, network
# namespaces, BPF programs, maps, links and pins, and processes named tunbench,
# runs the command, lists them again, and prints the difference.
#
#   scripts/check-clean.sh [--kill-after SECONDS] -- COMMAND [ARG]...
#   scripts/check-clean.sh --list
#
# --kill-after ends the command with SIGKILL, which no program can handle.
# The exit code is 0 if nothing is left, 1 if something is, and 2 for wrong usage.
# The exit code of the command itself is printed on stderr and otherwise ignored.
# Needs root to see everything. What other programs create in the meantime is
# listed as well.
set -euo pipefail

usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0" >&2
	exit 2
}

# A program that is missing is an error, not an empty list.
list() {
	ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/link \1/'
	ip netns list | sed 's/^/netns /'
	# Namespaces without a name live in processes, threads and descriptors.
	lsns -t net -n -o NS,PID | awk '{ print "namespace", $1, "of process", $2 }'
	# The name of a program or map, after its id.
	bpftool prog list | sed -nE 's/^([0-9]+): .*/program &/p' | sed 's/  tag .*//'
	bpftool map list | sed -nE 's/^([0-9]+): .*/map &/p' | sed 's/  flags .*//'
	bpftool link list | sed -nE 's/^([0-9]+): .*/bpf-link &/p'
	find /sys/fs/bpf -mindepth 1 | sed 's/^/pin /'
	# The exact name: not an editor that has a file of this name open.
	pgrep -x tunbench | sed 's/^/process tunbench /' || true
}

kill_after=
while (($#)); do
	case $1 in
	--list)
		list
		exit
		;;
	--kill-after)
		(($# > 1)) || usage
		kill_after=$2
		[[ $kill_after =~ ^[0-9]+(\.[0-9]+)?$ ]] || usage
		shift 2
		;;
	--)
		shift
		break
		;;
	*) usage ;;
	esac
done
(($#)) || usage
for program in ip bpftool lsns pgrep; do
	command -v "$program" >/dev/null || {
		echo "check-clean: $program is not installed" >&2
		exit 2
	}
done
((EUID == 0)) || echo "check-clean: without root, BPF objects and the namespaces of other users are not visible" >&2

before=$(list | sort)
status=0
"$@" &
pid=$!
# The command, and no helper of it: what it started must end by itself.
if [[ -n $kill_after ]]; then
	sleep "$kill_after"
	kill -9 "$pid" 2>/dev/null || echo "check-clean: the command ended before $kill_after s" >&2
fi
# bash's own word about a killed job would only repeat what is said below.
wait "$pid" 2>/dev/null || status=$?
if ((status > 128)); then
	echo "check-clean: the command was ended by signal $((status - 128)): $*" >&2
else
	echo "check-clean: the exit code of the command is $status: $*" >&2
fi

# The kernel frees namespaces and BPF objects a moment after their last user is gone.
for ((try = 0; try < 50; try++)); do
	after=$(list | sort)
	if [[ $after == "$before" ]]; then
		echo "check-clean: nothing left" >&2
		exit 0
	fi
	sleep 0.1
done
echo "check-clean: the host is not as before:"
diff <(echo "$before") <(echo "$after") | sed -n 's/^</gone: /p; s/^>/left: /p'
exit 1
