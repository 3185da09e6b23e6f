# shellcheck shell=bash
# shellcheck disable=SC2034 # some are used by one script, some by the other
# Shared by compare-c.sh and compare-bpftrace.sh, which source it after changing to
# the root of the checkout.
#
# compare-bpftrace.sh measures its arms in blocks, since bpftrace cannot take turns. Each
# block has one trial of each arm, in seeded random order, so that slow changes of the
# host affect all arms. The figure is the ratio within a block; the summary gives its
# median and range.

self=${0##*/}
blocks=10 cpus='' dir=k2u measure=1 warmup=0.25 size=64 json=false seed=$RANDOM
tunbench=$PWD/.build/tunbench

die() {
	echo "${self%.sh}: $*" >&2
	exit 2
}

# usage prints the head comment of the script.
usage() {
	sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "$0"
}

# option NAME VALUE handles a flag that both scripts have; it returns false for others.
option() {
	case $1 in
	--pairs)
		[[ $2 =~ ^[1-9][0-9]{0,3}$ ]] || die "--pairs $2: choose 1 to 9999"
		blocks=$2
		;;
	--cpus)
		[[ $2 =~ ^[0-9]+,[0-9]+$ ]] || die "--cpus $2: give the sender's and the reader's CPU, as 0,1"
		cpus=$2
		;;
	--measure | --warmup)
		[[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$1 $2: give seconds, as 1 or 0.5"
		if [[ $1 == --measure ]]; then measure=$2; else warmup=$2; fi
		;;
	--size)
		[[ $2 =~ ^[0-9]{2,5}$ ]] || die "--size $2: give bytes of IP length, 64 to 65535"
		size=$2
		;;
	--seed)
		[[ $2 =~ ^[0-9]{1,9}$ ]] || die "--seed $2: give a number"
		seed=$2
		;;
	*) return 1 ;;
	esac
}

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || die "$program is not installed; scripts/setup.sh compare installs it"
	done
}

# The CPUs that this process may use: the first two, unless --cpus chose.
choose_cpus() {
	local first second
	if [[ -z $cpus ]]; then
		read -r first second <<<"$(awk '/^Cpus_allowed_list:/ {
			n = split($2, ranges, ",")
			for (i = 1; i <= n && found < 2; i++) {
				split(ranges[i], ends, "-")
				if (ends[2] == "") ends[2] = ends[1]
				for (cpu = ends[1]; cpu <= ends[2] && found < 2; cpu++) { printf "%d ", cpu; found++ }
			}
		}' /proc/self/status)"
		[[ -n $second ]] || die "two CPUs are needed, one to send and one to read"
		cpus=$first,$second
	fi
}

# shuffle ARM... puts the arms into $order in random order. It does not print
# them: a subshell would not move the seeded RANDOM on.
shuffle() {
	local arms=("$@") i j swap
	for ((i = ${#arms[@]} - 1; i > 0; i--)); do
		j=$((RANDOM % (i + 1)))
		swap=${arms[i]} arms[i]=${arms[j]} arms[j]=$swap
	done
	order=("${arms[@]}")
}

# begin makes the folder for the runs and starts the random sequence.
begin() {
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	RANDOM=$seed
	choose_cpus
	# Both workers need a whole CPU; what else runs here would be measured too.
	if awk '{ exit !($1 > 1) }' /proc/loadavg; then
		echo "${self%.sh}: this host is busy (load average $(cut -d ' ' -f 1 /proc/loadavg)): this affects the figures" >&2
	fi
}

# tunbench_trial IO FLAG... measures one trial of one scenario and puts its
# record, a JSON object, into $trial.
tunbench_trial() {
	local io=$1 out=$work/run
	shift
	rm -rf "$out"
	cat >"$work/suite.yaml" <<-SUITE
		name: $self
		pairs: 1
		warmup: ${warmup}s
		measure: ${measure}s
		scenarios:
		  - {mode: tun, dir: $dir, gen: udp, io: $io, queues: 1, flows: 1, size: $size}
	SUITE
	if ! "$tunbench" run --quiet --suite "$work/suite.yaml" --cpus "$cpus" --out "$out" "$@" >"$work/log" 2>&1; then
		cat "$work/log" >&2
		die "tunbench failed"
	fi
	trial=$(jq -c 'select(.kind == "trial")' "$out/run.jsonl")
	[[ -n $trial && $trial != *$'\n'* ]] ||
		die "tunbench measured no trial, or more than one: $(jq -rc 'select(.kind == "skip") | .reason + ": " + .detail' "$out/run.jsonl")"
	[[ $(jq .accounting.unexplained <<<"$trial") == 0 ]] || die "packets are missing without a reason: $(jq -c .accounting <<<"$trial")"
}

# summary NAME reads one number a line and prints {name, n, median, min, max}.
summary() {
	jq -sc --arg name "$1" 'sort as $v | ($v | length) as $n
		| {kind: "summary", name: $name, n: $n,
		   median: (($v[(($n - 1) / 2 | floor)] + $v[($n / 2 | floor)]) / 2), min: $v[0], max: $v[-1]}'
}
