#!/usr/bin/env bash
# Fetches the shards of the job in kubernetes-job.yaml as they finish, lets their
# pods exit, and merges the shards.
#
#   kubernetes-collect.sh OUT [JOB]      OUT: folder to create; JOB: default tunbench
#
# Writes the shards to OUT/shard-<i> and the merged run to OUT/run. Uses kubectl with
# its current configuration, and tunbench from $TUNBENCH or PATH. COLLECT_TIMEOUT
# limits the wait for each shard, in seconds (default 14400). Shards that were already
# fetched are skipped, so the script can be started again after a failure.
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
		# Only running pods: a failed pod of the same index has a successor.
		pod=$(kubectl get pods -l "batch.kubernetes.io/job-name=$job,batch.kubernetes.io/job-completion-index=$index" \
			--field-selector=status.phase=Running -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null || true)
		if [[ -n $pod ]] && kubectl exec "$pod" -- test -e /out/exit 2>/dev/null; then
			break
		fi
		if ((SECONDS - begin >= limit)); then
			echo "collect: no result of shard $((index + 1)) of $n after $limit s; kubectl describe job $job shows why" >&2
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
	# The final name exists only once the copy is complete. Then the pod may exit.
	mv "$folder.part" "$folder"
	kubectl exec "$pod" -- touch /out/collected
	echo "collect: $folder from $pod, exit code $code" >&2
done
exec "$tunbench" merge "${folders[@]}" --out "$out/run"
