# Whatever instruction of the shim is the last one: the snapshot at exit is
# there, and lacks nothing that it does not tell.
set -eu

probe=$("$PROG" exit 1000000 now) || {
	rc=$?
	echo "$probe"
	exit $rc
}
python3 - <<'PYTHON'
import concurrent.futures, csv, io, json, os, subprocess, sys

PROG, LEAKDIFF = os.environ["PROG"], os.environ["LEAKDIFF"]
KEPT, LATER = 2000, 20000
LOSSES = (
    "dropped_allocs",
    "dropped_frees",
    "skipped_blocks",
    "abandoned_calls",
    "reentrant_calls",
)


def host(way, step, mode):
    """Its directory and what came of it."""
    where = f"{way}.{mode}.{step}"
    os.mkdir(where)
    env = dict(
        os.environ,
        LD_PRELOAD=os.environ["SHIM"],
        LEAKSHIM="out=%n.snap,on=exit",
    )
    return where, subprocess.run(
        [PROG, way, str(step), mode], env=env, capture_output=True, cwd=where
    )


def leakdiff(where, *options):
    return subprocess.run(
        [LEAKDIFF, where + "/1.snap", *options], capture_output=True, text=True
    )


def wrong_at(way, step, mode):
    where, run = host(way, step, mode)
    if run.stdout.strip().isdigit() and int(run.stdout) < step:
        return None  # they are a few more or less
    if run.returncode != 0 or run.stdout:
        return f"status {run.returncode} {run.stdout} {run.stderr}"
    if not os.path.exists(where + "/1.snap"):
        return "no snapshot"
    report = json.loads(leakdiff(where, "--json").stdout)
    losses = report["processes"][0]["losses"]
    # Not yet, or no longer, in a call: none was cut short.
    if losses["abandoned_calls"] > 1:
        return f"{losses['abandoned_calls']} calls told of"
    live = {}
    for row in csv.DictReader(io.StringIO(leakdiff(where, "--csv").stdout)):
        if row["kind"] == "heap":
            name = row["function"]
            live[name] = live.get(name, 0) + int(row["live_objects_new"])
    want = {"keep": KEPT}
    if way == "jump":
        want["keep_later"] = LATER
    missing = sum(abs(n - live.get(name, 0)) for name, n in want.items())
    told = sum(losses[name] for name in LOSSES)
    # Of 256 shards one, or the ring's changes.
    if missing > told or told > 1100:
        return f"{live}: {missing} missing, {told} told: {losses}"
    verified = leakdiff(where, "--verify")
    if verified.returncode != 0:
        return verified.stdout
    return None


def one(task):
    try:
        return task, wrong_at(*task)
    except Exception as error:
        return task, repr(error)


full = os.environ.get("FULL")
tasks = []
for mode, stride, short in ("now", 19, 131), ("deferred", 19, 113), ("new", 599, 4999):
    steps = int(host("exit", 1000000, mode)[1].stdout)
    print(f"{mode}: {steps} instructions")
    if steps < 300:
        sys.exit("the shim was not there")
    for way in "exit", "jump":
        tasks += [
            (way, step, mode)
            for step in range(1, steps + 1, stride if full else short)
        ]
bad = 0
# Most of those that last wait for a lock.
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    for task, wrong in pool.map(one, tasks):
        if wrong:
            print(*task, wrong)
            bad += 1
print(f"{len(tasks)} runs, {bad} bad")
sys.exit(bad != 0)
PYTHON
