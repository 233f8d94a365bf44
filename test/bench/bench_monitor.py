"""What `leakshim monitor` takes: processor time from its first look to its
last, as a share of that time."""
import os
import subprocess
import time

from bench_run import (BUILD, LIMIT_SECONDS, PROGRAMS, Failed, Spread,
                       clean_environment, scratch, size)

# How many mappings, what else to ask for, and how many looks.
CASES = [
    ("every second", 100, [], size(10, 2)),
    ("every second", 50000, [], size(15, 2)),
    ("--smaps, asked for every second", 50000, ["--smaps"], size(4, 2)),
]


def cpu_ns(pid):
    with open(f"/proc/{pid}/schedstat") as file:
        return int(file.read().split()[0])


def share(pid, options, looks):
    """In percent of a core, and the seconds from a look to the next."""
    command = [os.path.join(BUILD, "leakshim"), "monitor", "-i",
               size("1s", "50ms"), "--json", *options, "-n", str(looks + 1),
               str(pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL, bufsize=1,
                          env=clean_environment()) as monitor:
        try:
            if not monitor.stdout.readline():
                raise Failed("leakshim monitor said nothing")
            began, used = time.monotonic(), cpu_ns(monitor.pid)
            for _ in range(looks - 1):
                monitor.stdout.readline()
            took = time.monotonic() - began
            used = cpu_ns(monitor.pid) - used
        finally:
            monitor.kill()
    if took > LIMIT_SECONDS or took <= 0:
        raise Failed(f"leakshim monitor took {took:.0f} s")
    return used / took / 1e7, took / (looks - 1)


def measure(rounds):
    """Of each case: what it is called, mappings, share and pause (Spreads)."""
    found = []
    for name, mappings, options, looks in CASES:
        mappings = size(mappings, min(mappings, 1000))
        with subprocess.Popen([os.path.join(PROGRAMS, "work_mappings"),
                               str(mappings)], stdout=subprocess.PIPE,
                              cwd=scratch()) as program:
            try:
                program.stdout.readline()
                runs = [share(program.pid, options, looks)
                        for _ in range(rounds)]
            finally:
                program.kill()
        found.append((name, mappings, Spread([run[0] for run in runs]),
                      Spread([run[1] for run in runs])))
    return found
