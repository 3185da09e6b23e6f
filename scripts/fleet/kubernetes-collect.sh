#!/usr/bin/env bash
# Fetches the shards of the job in kubernetes-job.yaml as they finish, lets their
# pods end, and merges them.
#
#   kubernetes-collect.sh OUT [JOB]      OUT: folder to make; JOB: default tunbench
#
# Shards go to OUT/shard-<i>, the merged run to OUT/run. Uses kubectl with its
# own settings, and tunbench from PATH or $TUNBENCH. COLLECT_TIMEOUT is how long
# to wait for a shard, in seconds. A shard that was fetched is not fetched again,
# so that it can be started anew.
set -euo pipefail

(($# == 1 || $# == 2)) || {
	echo "usage: kubernetes-collect.sh OUT [JOB]" >&2
	exit 2
}
out=$1 job=${2-tunbench}
tunbench=${TUNBENCH:-tunbench}
limit=${COLLECT_TIMEOUT:-14400}

n=$(kubectl get job "$job" -o 'jsonpath={.spec.completions}')
mkdir -p "$out"
folders=()
for ((index = 0; index < n; index++)); do
	folder=$out/shard-$((index + 1))
	folders+=("$folder")
	if [[ -e $folder/run.jsonl ]]; then
		echo "collect: $folder is there already" >&2
		continue
	fi
	begin=$SECONDS
	while :; do
		# The pod of an index that runs: one that failed has a successor.
		pod=$(kubectl get pods -l "batch.kubernetes.io/job-name=$job,batch.kubernetes.io/job-completion-index=$index" \
			--field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null || true)
		if [[ -n $pod ]] && kubectl exec "$pod" -- test -e /out/exit 2>/dev/null; then
			break
		fi
		if ((SECONDS - begin >= limit)); then
			echo "collect: no result of shard $((index + 1)) of $n after $limit s; kubectl describe job $job tells why" >&2
			exit 1
		fi
		sleep "${COLLECT_PAUSE:-10}"
	done
	code=$(kubectl exec "$pod" -- cat /out/exit)
	rm -rf "$folder.part"
	kubectl cp "$pod:/out/run" "$folder.part"
	[[ -e $folder.part/run.jsonl ]] || {
		echo "collect: shard $((index + 1)) of $n wrote no run (exit code $code): kubectl logs $pod" >&2
		exit 1
	}
	# There only when it is whole; only then may the pod go.
	mv "$folder.part" "$folder"
	kubectl exec "$pod" -- touch /out/collected
	echo "collect: $folder from $pod, exit code $code" >&2
done
exec "$tunbench" merge "${folders[@]}" --out "$out/run"
