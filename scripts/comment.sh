#!/usr/bin/env bash
# Posts a comment on the pull request of a job of GitHub Actions, or replaces the comment
# of an earlier push.
#
#   scripts/comment.sh COMMENT.md
#
# The last line of the file is a marker, by which the earlier comment is found. gh posts
# with GH_TOKEN, which needs the permission pull-requests: write. Prints in one line what
# became of the comment. If it cannot be posted, as with the token of a fork, the exit
# code is 0 nevertheless: the figures are in the file and in the summary of the job.
set -euo pipefail

(($# == 1)) || {
	echo "usage: scripts/comment.sh COMMENT.md" >&2
	exit 2
}
file=$1
[[ -r $file ]] || {
	echo "comment: cannot read $file" >&2
	exit 2
}
marker=$(tail -n 1 -- "$file")
[[ $marker =~ ^'<!-- tunbench: '[A-Za-z0-9._/-]+' -->'$ ]] || {
	echo "comment: the last line of $file is not a marker of tunbench" >&2
	exit 2
}

unposted() { # WHY
	echo "comment: not posted, $1; it is in $file"
	exit 0
}
number=
if [[ ${GITHUB_REF-} =~ ^refs/pull/([0-9]+)/ ]]; then
	number=${BASH_REMATCH[1]}
elif [[ -r ${GITHUB_EVENT_PATH-} ]] && command -v jq >/dev/null; then # pull_request_target
	number=$(jq -r '.pull_request.number // empty' "$GITHUB_EVENT_PATH" 2>/dev/null || true)
fi
[[ $number =~ ^[0-9]+$ && -n ${GITHUB_REPOSITORY-} ]] || unposted 'as this is not a job of a pull request'
command -v gh >/dev/null || unposted 'as gh is not installed'
[[ -n ${GH_TOKEN-} ]] || unposted 'as there is no token'

# On GitHub Enterprise Server, gh takes the token from another variable.
server=${GITHUB_SERVER_URL:-https://github.com}
export GH_ENTERPRISE_TOKEN=$GH_TOKEN
log=$(mktemp)
trap 'rm -f "$log"' EXIT
api() { # [ARG]...; what gh says of a failure goes to the log
	timeout 60 gh api --hostname "${server#*://}" "$@" 2>"$log" </dev/null
}
failed() {
	local why
	why=$(tr -s '\n' ' ' <"$log")
	unposted "as gh failed${why:+: ${why% }}"
}
# A reply that quotes the comment does not end with the marker.
ids=$(api --paginate "repos/$GITHUB_REPOSITORY/issues/$number/comments?per_page=100" \
	--jq ".[] | select(.body | rtrimstr(\"\\n\") | endswith(\"\\n$marker\")) | .id") || failed
id=$(tail -n 1 <<<"$ids")
if [[ -n $id ]]; then
	api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$file" || failed
	echo "comment: replaced on pull request $number"
else
	api --silent --method POST "repos/$GITHUB_REPOSITORY/issues/$number/comments" -F "body=@$file" || failed
	echo "comment: posted on pull request $number"
fi
