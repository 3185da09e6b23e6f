package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/github"
)

// fakeGH stands in for gh: it keeps the comments of one pull request in the file
// $GH_STATE, and writes what it was called with to $GH_LOG. With $GH_REFUSES, it may read
// and not write, as with the token of a fork.
const fakeGH = `#!/usr/bin/env bash
set -euo pipefail
echo "$*" >>"$GH_LOG"
[[ $1 == api && -n $GH_TOKEN && -n $GH_ENTERPRISE_TOKEN ]] || exit 4
shift
method=GET body= filter=. path=
while (($#)); do
	case $1 in
	--paginate | --silent) ;;
	--hostname) [[ $2 == github.example ]] || exit 4; shift ;;
	--method) method=$2; shift ;;
	--jq) filter=$2; shift ;;
	-F) body=${2#body=@}; shift ;;
	*) path=$1 ;;
	esac
	shift
done
if [[ $method != GET && -n ${GH_REFUSES-} ]]; then
	[[ $GH_REFUSES == silently ]] || echo "gh: $GH_REFUSES" >&2
	exit 1
fi
case "$method $path" in
"GET repos/o/r/issues/7/comments?per_page=100") jq -r "$filter" "$GH_STATE" ;;
"POST repos/o/r/issues/7/comments") jq --rawfile body "$body" '. + [{id: (length + 100), body: $body}]' "$GH_STATE" >"$GH_STATE.new" ;;
"PATCH repos/o/r/issues/comments/"*) jq --rawfile body "$body" --argjson id "${path##*/}" 'map(if .id == $id then .body = $body else . end)' "$GH_STATE" >"$GH_STATE.new" ;;
*) echo "gh: HTTP 404: $method $path" >&2; exit 1 ;;
esac
if [[ $method != GET ]]; then mv "$GH_STATE.new" "$GH_STATE"; fi
`

// pullRequest is a job of pull request 7, with a fake gh that has these comments.
type pullRequest struct {
	t   *testing.T
	dir string
}

// lacking skips a test of which something is missing; CI must have it.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func newPullRequest(t *testing.T, comments ...string) pullRequest {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		lacking(t, "jq is not installed; the fake gh needs it: scripts/setup.sh ci")
	}
	p := pullRequest{t, t.TempDir()}
	list := []map[string]any{}
	for i, c := range comments {
		list = append(list, map[string]any{"id": i + 1, "body": c})
	}
	state, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	p.write("state", string(state), 0o666)
	p.write("log", "", 0o666)
	p.write("bin/gh", fakeGH, 0o777)
	for name, value := range map[string]string{
		"GH_STATE": filepath.Join(p.dir, "state"), "GH_LOG": filepath.Join(p.dir, "log"), "GITHUB_REF": "refs/pull/7/merge", "GITHUB_REPOSITORY": "o/r",
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_WORKFLOW": "CI", "GITHUB_JOB": "bench", "PATH": filepath.Join(p.dir, "bin") + ":" + os.Getenv("PATH"),
	} {
		t.Setenv(name, value)
	}
	return p
}

func (p pullRequest) write(name, content string, mode os.FileMode) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		p.t.Fatal(err)
	}
}

// comments are those that the pull request has now.
func (p pullRequest) comments() (bodies []string) {
	p.t.Helper()
	var list []struct{ Body string }
	if err := json.Unmarshal([]byte(readText(p.t, p.dir, "state")), &list); err != nil {
		p.t.Fatal(err)
	}
	for _, c := range list {
		bodies = append(bodies, c.Body)
	}
	return bodies
}

// post runs scripts/comment.sh.
func (p pullRequest) post(file string, env ...string) (code int, output string) {
	p.t.Helper()
	script, err := filepath.Abs("../../../scripts/comment.sh")
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(script, file)
	cmd.Env = append(append(os.Environ(), "GH_TOKEN=secret"), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// push compares as a job would, and gives the comment's file as the outputs name it.
func push(t *testing.T, args ...string) (file string) {
	t.Helper()
	_, outputs := githubJob(t)
	out := filepath.Join(t.TempDir(), "comparison")
	if code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"compare", "--github", "--out", out}, args...)...); code != 0 {
		t.Fatalf("compare: exit %d: %s%s", code, stdout, stderr)
	}
	found := regexp.MustCompile(`(?m)^comment=(.*)$`).FindStringSubmatch(outputs())
	if found == nil || found[1] != filepath.Join(out, github.CommentName) {
		t.Fatalf("outputs: %q", outputs())
	}
	return found[1]
}

// Two pushes leave one comment, that of the second. Comments of people, of other jobs and
// those that quote ours stay.
func TestComment(t *testing.T) {
	base, slower := storedRun(t, scenario, steps(1e6, 10), nil), storedRun(t, scenario, steps(0.9e6, 10), nil)
	marker := github.Marker("CI/bench")
	others := []string{"nice", "**Worse**\n\n" + github.Marker("CI/other"), "> **Worse**\n>\n> " + marker + "\n\nwhy?", "in words: " + marker}
	p := newPullRequest(t, others...)
	first, second := push(t, base, slower), push(t, base, base)
	for _, step := range []struct{ file, says, begins string }{
		{first, "comment: posted on pull request 7\n", "**Perhaps worse: −10 %"},
		{second, "comment: replaced on pull request 7\n", "**No change** beyond 3 % (pps), 0.10 points (loss) in 1 of 1 scenario."},
		{second, "comment: replaced on pull request 7\n", "**No change**"},
	} {
		code, output := p.post(step.file)
		if code != 0 || output != step.says {
			t.Errorf("exit %d: %q, want %q", code, output, step.says)
		}
		got := p.comments()
		if len(got) != len(others)+1 || !strings.HasPrefix(got[len(others)], step.begins) || !strings.HasSuffix(got[len(others)], marker+"\n") {
			t.Fatalf("%d comments: %.300q", len(got), got)
		}
		for i, c := range others {
			if got[i] != c {
				t.Errorf("comment %d became %q", i, got[i])
			}
		}
	}
	// GitHub may drop the last line break.
	p = newPullRequest(t, "**Worse**\n\n"+marker)
	if code, output := p.post(second); code != 0 || !strings.Contains(output, "replaced") || len(p.comments()) != 1 {
		t.Errorf("exit %d: %s%q", code, output, p.comments())
	}
	// A job of another name has a comment of its own.
	t.Setenv("TUNBENCH_COMMENT_NAME", "matrix 2")
	if code, output := p.post(push(t, base, slower)); code != 0 || !strings.Contains(output, "posted") || len(p.comments()) != 2 {
		t.Errorf("exit %d: %s%q", code, output, p.comments())
	}
}

// A comment that cannot be posted fails no job, and the output says where it is.
func TestCommentIsNotPosted(t *testing.T) {
	base := storedRun(t, scenario, steps(1e6, 10), nil)
	p := newPullRequest(t)
	file := push(t, base, base)
	bare := t.TempDir() // what the script needs, without gh
	for _, name := range []string{"bash", "env", "tail", "tr", "mktemp", "rm", "timeout", "jq"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bare, name)); err != nil {
			t.Fatal(err)
		}
	}
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"pull_request":{"number":7}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env    []string
		says   string
		posted bool
	}{
		"forbidden":            {[]string{"GH_REFUSES=Resource not accessible by integration (HTTP 403)"}, "not posted, as gh failed: gh: Resource not accessible by integration (HTTP 403); it is in " + file, false},
		"without a word":       {[]string{"GH_REFUSES=silently"}, "not posted, as gh failed; it is in " + file, false},
		"no gh":                {[]string{"PATH=" + bare}, "not posted, as gh is not installed; it is in " + file, false},
		"no token":             {[]string{"GH_TOKEN="}, "not posted, as there is no token; it is in " + file, false},
		"no pull request":      {[]string{"GITHUB_REF=refs/heads/main"}, "not posted, as this is not a job of a pull request; it is in " + file, false},
		"an odd event":         {[]string{"GITHUB_REF=refs/heads/main", "GITHUB_EVENT_PATH=/proc/version"}, "not posted, as this is not a job of a pull request", false},
		"no repository":        {[]string{"GITHUB_REPOSITORY="}, "not posted, as this is not a job of a pull request", false},
		"not found":            {[]string{"GITHUB_REPOSITORY=o/x"}, "not posted, as gh failed: gh: HTTP 404", false},
		"pull_request_target":  {[]string{"GITHUB_REF=refs/heads/main", "GITHUB_EVENT_PATH=" + event}, "posted on pull request 7", true},
		"nothing is different": {nil, "posted on pull request 7", true},
	} {
		p.write("state", "[]", 0o666)
		code, output := p.post(file, test.env...)
		if code != 0 || !strings.Contains(output, test.says) || strings.Contains(output, "secret") || (len(p.comments()) == 1) != test.posted {
			t.Errorf("%s: exit %d: %q, want %q; %d comments", name, code, output, test.says, len(p.comments()))
		}
	}
	// Wrong use is a failure: a file that is none, or that the next push would not find.
	odd := filepath.Join(t.TempDir(), "odd.md")
	if err := os.WriteFile(odd, []byte("**Worse**\n\n<!-- tunbench: $(reboot) -->\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{odd, filepath.Join(p.dir, "nothing")} {
		if code, output := p.post(file); code != 2 {
			t.Errorf("%s: exit %d: %s", file, code, output)
		}
	}
}

// What is in the way of the comment is a warning, and then no output names it.
func TestCommentCannotBeWritten(t *testing.T) {
	base := storedRun(t, scenario, steps(1e6, 10), nil)
	_, outputs := githubJob(t)
	out := t.TempDir()
	if err := os.Mkdir(filepath.Join(out, github.CommentName), 0o777); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", "--github", "--out", out, base, base)
	if code != 0 || !strings.Contains(stderr, "warning: --github: write the comment: ") || strings.Contains(outputs(), "comment=") {
		t.Errorf("exit %d: %s%s", code, stderr, outputs())
	}
	// The first run of a job has a comment too; without --out there is none.
	_, outputs = githubJob(t)
	first := filepath.Join(t.TempDir(), "first")
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", "--github", "--out", first, filepath.Join(out, "nothing"), base); code != 0 ||
		!strings.HasPrefix(readText(t, first, github.CommentName), "**No baseline:** ") || !strings.Contains(outputs(), fmt.Sprintf("comment=%s\n", filepath.Join(first, github.CommentName))) {
		t.Errorf("exit %d: %s%s", code, stderr, outputs())
	}
	_, outputs = githubJob(t)
	if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "compare", "--github", base, base); code != 0 || stderr != "" || strings.Contains(outputs(), "comment=") {
		t.Errorf("exit %d: %s%s", code, stderr, outputs())
	}
}
