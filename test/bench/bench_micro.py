"""The smaller measurements: a pair of malloc and free, a frame, a live block, a
snapshot; and leakdiff's, which are programs of their own."""
import glob
import os
import re
import signal
import subprocess
import time

from bench_run import (BUILD, Failed, PROGRAMS, ROUNDS, Spread, TINY, TOP,
                       clean_environment, fresh_directory, interleave, run,
                       scratch, size)
from bench_tools import EXACT, OURS, PLAIN, SHIM, leakshim

EXACT_FP = leakshim("exact, unwind=fp", "unwind=fp")


def program(name, *arguments):
    return [os.path.join(PROGRAMS, name), *map(str, arguments)]


# --- a pair --------------------------------------------------------------------

def pairs(depth, threads, tools):
    """{tool: Spread of ns a pair}. unwind=fp needs a program that has frame
    pointers; the others are measured with one that has none."""
    def runner(tool):
        name = "bench_pairs_fp" if tool is EXACT_FP else "bench_pairs"
        command = program(name, depth, threads, size(1500, 5))

        def once():
            return float(run(command, tool.env(fresh_directory("out"))).said)
        return once

    results, failures = interleave({tool.name: runner(tool)
                                    for tool in tools})
    for name, failure in failures.items():
        raise Failed(f"bench_pairs under {name}: {failure}")
    return {name: Spread(values) for name, values in results.items()}


def pairs_by_depth():
    tools = [PLAIN] + OURS + [EXACT_FP]
    return tools, {depth: pairs(depth, 1, tools) for depth in (5, 20, 60)}


def pairs_by_threads():
    tools = [PLAIN] + OURS
    return tools, {count: pairs(20, count, tools) for count in (1, 2, 4)}


def unwinders():
    """{backend: Spread of ns a frame}."""
    found = {}
    for _ in range(ROUNDS):
        said = run(program("bench_unwinders", size(200, 1))).said.decode()
        for name, ns in re.findall(r"^(\w+) ([\d.-]+)$", said, re.M):
            found.setdefault(name, []).append(float(ns))
    return {name: Spread(values) for name, values in found.items()}


# --- memory --------------------------------------------------------------------

def fill(tool, stacks, own=10, steps=size(12, 3)):
    """[(blocks, resident bytes)]."""
    command = program("bench_fill", size(500, 5), steps, stacks, own)
    said = run(command, tool.env(fresh_directory("out"))).said.decode()
    return [tuple(map(int, line.split())) for line in said.splitlines()]


def block_cost():
    """[(blocks, bytes added per block)], from ten stacks: what is added is then
    the table of live blocks. The first step's cost is what is fixed."""
    plain, ours = fill(PLAIN, 10), fill(EXACT, 10)
    return [(blocks, (mine - theirs) / blocks)
            for (blocks, theirs), (_, mine) in zip(plain, ours)]


def stack_cost(own):
    """Bytes of one of half a million distinct stacks that have `own` frames of
    their own, less what the blocks cost."""
    (blocks, few), = fill(EXACT, 10, own, 1)
    (_, many), = fill(EXACT, blocks, own, 1)
    return (many - few) / blocks


def fixed_cost():
    """Peak RSS added to a program that does nearly nothing."""
    command = program("work_churn", 1)
    results, failures = interleave({
        tool.name: lambda tool=tool: run(command,
                                         tool.env(fresh_directory("out"))).rss
        for tool in [PLAIN] + OURS})
    for name, failure in failures.items():
        raise Failed(f"work_churn under {name}: {failure}")
    return {tool.name: Spread([mine - plain for mine, plain in
                               zip(results[tool.name], results["plain"])])
            for tool in OURS}


# --- snapshot ------------------------------------------------------------------

class Hold:
    """What bench_hold printed, and the shim's own longest hold."""


def snapshot():
    out = fresh_directory("hold")
    rounds = ROUNDS
    command = program("bench_hold", size(10000, 20), size(100000, 1000),
                      rounds, size(3000, 200), out)
    env = {"LD_PRELOAD": SHIM, "LEAKSHIM": f"out={out}/%n.snap,signal=USR2"}
    result = run(command, env, out)
    hold = Hold()
    rows = re.findall(r"^control (\d+) (\d+) (\d+) snapshot (\d+) (\d+) (\d+) "
                      r"wrote ([\d.]+) bytes (\d+)$", result.said.decode(),
                      re.M)
    if len(rows) != rounds:
        raise Failed("bench_hold said " + result.said.decode()[-300:])
    columns = list(zip(*[[float(one) for one in row] for row in rows]))
    (hold.control_p50, hold.control_p999, hold.control_max, hold.p50,
     hold.p999, hold.max, hold.seconds, hold.bytes) = map(Spread, columns)
    # The last snapshot has the longest hold of those before it.
    last = f"{out}/{rounds}.snap"
    decoded = subprocess.run(
        ["/usr/bin/python3", "-IB", f"{TOP}/test/e2e/decode_snapshot.py", last,
         "trailer.longest_hold_ns"], capture_output=True, text=True)
    if decoded.returncode != 0:
        raise Failed("the snapshot can't be read: " + decoded.stderr[-300:])
    hold.longest_hold_ms = float(decoded.stdout) / 1e6
    hold.rss = result.rss
    return hold


# --- leakdiff ------------------------------------------------------------------

def leakdiff():
    """[(what, ours, other, ratio)] of the programs that print such rows."""
    rows = []
    for path in sorted(glob.glob(f"{TOP}/test/bench/leakdiff_*")):
        if not os.access(path, os.X_OK) or path.endswith("_measure"):
            continue
        done = subprocess.run([path], stdout=subprocess.PIPE, text=True,
                              env={**clean_environment(), "BUILD": BUILD})
        if done.returncode != 0:
            raise Failed(f"{os.path.basename(path)} failed")
        rows += [line.split("|") for line in done.stdout.splitlines()
                 if line.count("|") == 3]
    return rows


# --- instructions ----------------------------------------------------------------

def counts():
    """{mode: {case: instructions a pair}}; raises Failed with what is missing."""
    done = subprocess.run([f"{TOP}/scripts/check-counts", "--measure"],
                          capture_output=True, text=True,
                          env={**os.environ, "BUILD": BUILD})
    if done.returncode != 0:
        raise Failed((done.stderr or done.stdout).strip().split("\n")[-1])
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(r"count (\S+) (\S+) ([\d.]+)$", line)
        if match:
            found.setdefault(match[1], {})[match[2]] = float(match[3])
    return found
