package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tunbench/harness"
	"tunbench/reports/record"
)

// batchScript is the job script for Slurm.
func batchScript(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../scripts/fleet/slurm.sbatch")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// recorder stands in for tunbench: it writes what it was called with, and a run that ends,
// or one that waits for SIGTERM.
const recorder = `#!/usr/bin/env bash
set -euo pipefail
echo "$*" >>calls
if [[ $2 == --resume ]]; then out=$3; else out=$5; fi
header="{\"kind\":\"run\",\"host\":{\"boot\":\"$(</proc/sys/kernel/random/boot_id)\"}}"
if [[ $2 == --resume ]]; then
	sed -i '${/}$/!d}' "$out/run.jsonl" # a torn last line
else
	echo "$header" >"$out/run.jsonl"
fi
if [[ -n ${WAITS-} ]]; then
	trap 'exit 130' TERM
	touch waiting
	while :; do sleep 0.05; done
fi
echo '{"kind":"end","exit":1}' >>"$out/run.jsonl"
exit 1
`

// task runs the job script as Slurm would, in dir, and gives what it said.
func task(t *testing.T, dir string, env ...string) *exec.Cmd {
	t.Helper()
	tool := filepath.Join(dir, "tool")
	if err := os.WriteFile(tool, []byte(recorder), 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", batchScript(t), "--suite", "full")
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TUNBENCH=" + tool, "SLURM_ARRAY_JOB_ID=7", "SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_MIN=0", "SLURM_ARRAY_TASK_MAX=2", "SLURM_ARRAY_TASK_COUNT=3"}, env...)
	return cmd
}

// ended gives the exit code of a task, and its output.
func endedTask(t *testing.T, cmd *exec.Cmd) (code int, output string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// Which shard a task is follows from the array, or from SHARDS.
func TestSlurmShards(t *testing.T) {
	asRootOrNot(t)
	array := func(id, low, high, count, step int) []string {
		return []string{fmt.Sprint("SLURM_ARRAY_TASK_ID=", id), fmt.Sprint("SLURM_ARRAY_TASK_MIN=", low), fmt.Sprint("SLURM_ARRAY_TASK_MAX=", high), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", count), fmt.Sprint("SLURM_ARRAY_TASK_STEP=", step)}
	}
	for name, test := range map[string]struct {
		env  []string
		want string // of the call, or of the message
	}{
		"from 0":              {array(1, 0, 2, 3, 1), "run --shard 2/3 --out shards-7/.attempts/2.0 --suite full\n"},
		"from 10 by 5":        {array(20, 10, 20, 3, 5), "run --shard 3/3 --out shards-7/.attempts/3.0 --suite full\n"},
		"gaps":                {array(1, 0, 5, 3, 1), "the array has gaps: submit a range, such as --array=0-2, or set SHARDS"},
		"one":                 {array(7, 7, 7, 1, 1), "an array of one task: to measure shard 8 of 10 alone, set SHARDS=10"},
		"one of ten":          {append(array(7, 7, 7, 1, 1), "SHARDS=10"), "run --shard 8/10 --out shards-7/.attempts/8.0 --suite full\n"},
		"gaps, of ten":        {append(array(4, 1, 4, 2, 1), "SHARDS=10"), "run --shard 5/10 --out shards-7/.attempts/5.0 --suite full\n"},
		"the last and beyond": {append(array(10, 10, 10, 1, 1), "SHARDS=10"), "task 10 is not one of SHARDS=10: tasks are numbered from 0 to 9"},
		"no number":           {append(array(1, 1, 1, 1, 1), "SHARDS=many"), "SHARDS=many is not a number of shards"},
		"no array":            {[]string{"SLURM_ARRAY_TASK_ID="}, "submit it as an array"},
	} {
		dir := t.TempDir()
		code, output := endedTask(t, task(t, dir, test.env...))
		if calls, err := os.ReadFile(filepath.Join(dir, "calls")); err == nil {
			if string(calls) != test.want || code != 1 { // the exit code is that of tunbench
				t.Errorf("%s: exit %d, called with %q, want %q", name, code, calls, test.want)
			}
		} else if code == 0 || !strings.Contains(output, test.want) {
			t.Errorf("%s: exit %d, %q, want %q", name, code, output, test.want)
		}
	}
}

// asRootOrNot skips where the job script would need sudo.
func asRootOrNot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if err := exec.Command("sudo", "-n", "true").Run(); err != nil {
			lacking(t, "the job script needs root, or sudo without a password")
		}
	}
}

// A task that starts again takes up what an earlier attempt left, if it can be used; an
// attempt that ends while another has ended already is kept aside.
func TestSlurmAttempts(t *testing.T) {
	asRootOrNot(t)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	header := `{"kind":"run","host":{"boot":"` + strings.TrimSpace(string(boot)) + `"}}`
	const fresh = "run --shard 2/3 --out shards-7/.attempts/2.%d --suite full\n"
	for name, test := range map[string]struct {
		left []string // run files of earlier attempts
		want string
		held string // of the run file of the shard
	}{
		"nothing":         {nil, fmt.Sprintf(fresh, 0), header},
		"an empty file":   {[]string{""}, fmt.Sprintf(fresh, 1), header},
		"a torn header":   {[]string{header[:20]}, fmt.Sprintf(fresh, 1), header},
		"no line end":     {[]string{header}, fmt.Sprintf(fresh, 1), header},
		"another boot":    {[]string{`{"kind":"run","host":{"boot":"4711"}}` + "\n"}, fmt.Sprintf(fresh, 1), header},
		"no run":          {[]string{"hello\n"}, fmt.Sprintf(fresh, 1), header},
		"a trial":         {[]string{header + "\n{\"trial\":1}\n"}, "run --resume shards-7/.attempts/2.1\n", header + "\n{\"trial\":1}"},
		"a torn trial":    {[]string{header + "\n{\"tri"}, "run --resume shards-7/.attempts/2.1\n", header + "\n{\"kind\":\"end\""},
		"the newest":      {[]string{header + "\n{\"old\":1}\n", header + "\n{\"new\":1}\n"}, "run --resume shards-7/.attempts/2.2\n", header + "\n{\"new\":1}"},
		"the newest good": {[]string{header + "\n{\"old\":1}\n", ""}, "run --resume shards-7/.attempts/2.2\n", header + "\n{\"old\":1}"},
	} {
		dir := t.TempDir()
		for n, content := range test.left {
			path := filepath.Join(dir, "shards-7/.attempts", fmt.Sprint("2.", n), record.FileName)
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		code, output := endedTask(t, task(t, dir))
		if calls := readText(t, dir, "calls"); calls != test.want || code != 1 {
			t.Errorf("%s: exit %d, called with %q, want %q: %s", name, code, calls, test.want, output)
		}
		if held := readText(t, dir, "shards-7/2", record.FileName); !strings.HasPrefix(held, test.held) {
			t.Errorf("%s: the shard holds %q, want %q", name, held, test.held)
		}
		for n, content := range test.left {
			if left := readText(t, dir, "shards-7/.attempts", fmt.Sprint("2.", n), record.FileName); left != content {
				t.Errorf("%s: attempt %d was changed to %q", name, n, left)
			}
		}
		// The task starts once more: the shard is there.
		if code, output := endedTask(t, task(t, dir)); code != 0 || !strings.Contains(output, "shards-7/2 is there already") || readText(t, dir, "calls") != test.want {
			t.Errorf("%s: again: exit %d: %s", name, code, output)
		}
	}
}

// Two attempts at once write to folders of their own, and one of them becomes the shard.
// The signal before the time limit reaches tunbench.
func TestSlurmTwoWriters(t *testing.T) {
	asRootOrNot(t)
	dir := t.TempDir()
	slow := task(t, dir, "WAITS=yes")
	var said bytes.Buffer
	slow.Stdout, slow.Stderr = &said, &said
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = slow.Process.Kill() }()
	await(t, "the first attempt to run", 10*time.Second, func() bool {
		_, err := os.Stat(filepath.Join(dir, "waiting"))
		return err == nil
	})
	if code, output := endedTask(t, task(t, dir)); code != 1 || !strings.Contains(output, "attempt 1 is shards-7/2") {
		t.Fatalf("the second attempt: exit %d: %s", code, output)
	}
	whole := readText(t, dir, "shards-7/2", record.FileName)
	if err := slow.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := slow.Wait(); slow.ProcessState.ExitCode() != 130 || !strings.Contains(said.String(), "attempt 0 did not end; what it finished is in shards-7/.attempts/2.0: scontrol requeue 7_1 continues it") {
		t.Errorf("%v: %s", err, said.String())
	}
	if now := readText(t, dir, "shards-7/2", record.FileName); now != whole {
		t.Errorf("the shard was %q, and is %q", whole, now)
	}
}

func await(t *testing.T, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v for %s", limit, what)
		}
	}
}

// cluster is Slurm on this machine: a controller and three nodes, all in one folder.
type cluster struct {
	t     *testing.T
	dir   string
	nodes map[string]*exec.Cmd
}

// slurmPrograms are those of Debian's munge, slurmctld, slurmd and slurm-client.
var slurmPrograms = []string{"munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue"}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	for _, name := range slurmPrograms {
		if _, err := exec.LookPath(name); err != nil {
			lacking(t, "%s is not installed (scripts/setup.sh slurm)", name)
		}
	}
	// Paths of sockets are short, and t.TempDir has the name of the test.
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c := &cluster{t, dir, map[string]*exec.Cmd{}}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	host, _, _ = strings.Cut(host, ".")
	conf := fmt.Sprintf(`ClusterName=test
SlurmctldHost=%s(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
# Credentials that live for five seconds let a requeued task start after 20 s, not 121 s.
AuthInfo=socket=%[2]s/munge.sock,cred_expire=5
SlurmctldPort=%[3]d
StateSaveLocation=%[2]s/state
SlurmctldPidFile=%[2]s/slurmctld.pid
SlurmctldLogFile=%[2]s/slurmctld.log
SlurmdPidFile=%[2]s/slurmd.%%n.pid
SlurmdLogFile=%[2]s/slurmd.%%n.log
SlurmdSpoolDir=%[2]s/spool.%%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=1,bf_interval=1
KillWait=3
`, host, dir, freePort(t))
	for i := range 3 {
		conf += fmt.Sprintf("NodeName=n%d NodeHostname=%s NodeAddr=127.0.0.1 Port=%d CPUs=2 RealMemory=500\n", i+1, host, freePort(t))
	}
	conf += "PartitionName=all Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP\n"
	for name, content := range map[string]string{"slurm.conf": conf, "munge.key": strings.Repeat("tunbench", 16)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"state", "work"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.daemon("munged", "--foreground", "--force", "--key-file", dir+"/munge.key", "--socket", dir+"/munge.sock", "--pid-file", dir+"/munged.pid", "--log-file", dir+"/munged.log", "--seed-file", dir+"/munge.seed")
	await(t, "munged", 10*time.Second, func() bool { _, err := os.Stat(dir + "/munge.sock"); return err == nil })
	c.daemon("slurmctld", "-D")
	for _, node := range []string{"n1", "n2", "n3"} {
		c.nodes[node] = c.daemon("slurmd", "-D", "-N", node)
	}
	await(t, "three idle nodes", 20*time.Second, func() bool {
		out, _ := c.run("sinfo", "-h", "-t", "idle", "-o", "%D")
		return strings.TrimSpace(out) == "3"
	})
	return c
}

// freePort is a TCP port that nothing listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// env is what the commands of Slurm and the jobs get: this test stands in for tunbench.
func (c *cluster) env() []string {
	return []string{"SLURM_CONF=" + c.dir + "/slurm.conf", "PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "TUNBENCH=" + os.Args[0], standInEnv + "=tunbench", "XDG_CACHE_HOME=" + c.dir + "/cache"}
}

// daemon starts a program of the cluster, which ends with the test.
func (c *cluster) daemon(name string, args ...string) *exec.Cmd {
	c.t.Helper()
	log, err := os.Create(filepath.Join(c.dir, fmt.Sprintf("%s-%d.out", name, len(c.nodes))))
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env(), c.dir, log, log
	// The kernel ends it if the test is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	})
	return cmd
}

// run runs a command of Slurm in the folder of the jobs.
func (c *cluster) run(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir = c.env(), filepath.Join(c.dir, "work")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c *cluster) must(name string, args ...string) string {
	c.t.Helper()
	out, err := c.run(name, args...)
	if err != nil {
		c.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return out
}

// state is that of a task, such as RUNNING.
func (c *cluster) state(id string) string {
	return c.must("squeue", "-h", "-t", "all", "-j", id, "-o", "%T")
}

// submit submits an array, held until it is released, and gives its id.
func (c *cluster) submit(args ...string) string {
	c.t.Helper()
	script, err := filepath.Abs("../../../scripts/fleet/slurm.sbatch")
	if err != nil {
		c.t.Fatal(err)
	}
	return c.must("sbatch", append([]string{"--parsable", "--hold", "--export=ALL", "--array=0-2", script}, args...)...)
}

// The job script on a real cluster: three shards on three nodes, one of which is requeued,
// one loses its node while tunbench goes on there, and one finds a file that a killed
// attempt left and is told by the signal before the time limit to end. Nothing is lost,
// and nothing is counted twice.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("starts Slurm on this machine and measures with it, which -short leaves out; make test does")
	}
	if err := harness.CheckPrivileges(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%v, and CI must have them", err)
		}
		t.Skip(err)
	}
	c := newCluster(t)
	what := []string{"--suite", "smoke", "--filter", "gen=udp load=max", "--arm", "bare", "--trials", "6", "--measure", "500ms", "--warmup", "10ms"}
	id := c.submit(what...)
	attempts := filepath.Join(c.dir, "work", "shards-"+id, ".attempts")
	if err := os.MkdirAll(filepath.Join(attempts, "3.0"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(attempts, "3.0", record.FileName), []byte(`{"kind":"ru`), 0o666); err != nil {
		t.Fatal(err)
	}
	merged := c.must("sbatch", "--parsable", "--dependency=afterany:"+id, "--wrap", `"$TUNBENCH" merge shards-`+id+"/* --out merged")
	c.must("scontrol", "release", id)
	begun := func(attempt string) bool {
		text, _ := os.ReadFile(filepath.Join(attempts, attempt, record.FileName))
		return bytes.Count(text, []byte(`"kind":"trial"`)) > 0
	}
	await(t, "a trial of each shard", 60*time.Second, func() bool { return begun("1.0") && begun("2.0") && begun("3.1") })

	c.must("scontrol", "requeue", id+"_0")
	node := c.must("squeue", "-h", "-j", id+"_1", "-o", "%N")
	lost := c.nodes[node]
	if lost == nil {
		t.Fatalf("task 1 runs on %q", node)
	}
	// The daemon of the node dies, its tasks do not.
	if err := lost.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.must("scontrol", "update", "nodename="+node, "state=down", "reason=test")
	c.must("scancel", "--signal=INT", "--batch", id+"_2")
	await(t, "the end of task 2", 20*time.Second, func() bool { return c.state(id+"_2") == "FAILED" })
	c.must("scontrol", "requeue", id+"_2")
	await(t, "the end of all tasks", 100*time.Second, func() bool { return c.state(merged) == "COMPLETED" || c.state(merged) == "FAILED" })

	logs, err := filepath.Glob(filepath.Join(c.dir, "work", "slurm-*.out"))
	if err != nil {
		t.Fatal(err)
	}
	said := ""
	for _, log := range logs {
		said += readText(t, log)
	}
	if state := c.state(merged); state != "COMPLETED" {
		t.Fatalf("the merging job %s: %s", state, said)
	}
	f := readRun(t, filepath.Join(c.dir, "work", "merged"))
	code, listed, stderr := tunbench(context.Background(), fakeLab{}, nil, append([]string{"list", "-q"}, what[:4]...)...)
	if code != 0 {
		t.Fatalf("list: exit %d: %s", code, stderr)
	}
	measured := map[string]int{}
	for _, trial := range f.Trials {
		measured[fmt.Sprint(trial.Scenario, " ", trial.Pair)]++
	}
	scenarios := strings.Fields(listed)
	scenarios = slices.DeleteFunc(scenarios, func(s string) bool { return !strings.HasPrefix(s, "Tun/") && !strings.HasPrefix(s, "Tap/") })
	for _, name := range scenarios {
		for pair := 1; pair <= 6; pair++ {
			if n := measured[fmt.Sprint(name, " ", pair)]; n != 1 {
				t.Errorf("pair %d of %s was counted %d times", pair, name, n)
			}
		}
	}
	if f.End == nil || len(scenarios) < 3 || len(f.Trials) != 6*len(scenarios) || len(f.Run.Parts) != 3 {
		t.Errorf("%d trials of %d scenarios in %d shards, %+v: %s", len(f.Trials), len(scenarios), len(f.Run.Parts), f.End, said)
	}
	for _, want := range []string{"continues from a copy of shards-" + id + "/.attempts/1.0", "continues from a copy of shards-" + id + "/.attempts/3.1", "attempt 1 did not end; what it finished is in shards-" + id + "/.attempts/3.1"} {
		if !strings.Contains(said, want) {
			t.Errorf("no task says %q: %s", want, said)
		}
	}
	if resumed := len(f.Resumes); resumed < 2 {
		t.Errorf("%d shards were resumed", resumed)
	}
	t.Logf("tasks said: %s", strings.Join(slices.DeleteFunc(strings.Split(said, "\n"), func(s string) bool { return !strings.HasPrefix(s, "slurm.sbatch: ") }), "; "))
}
