"""What `leakshim serve` costs the process that it serves: processor time per
unit of work, by the window.

One process works all along, so that nothing differs between two windows but what
serve does: it is stopped (SIGSTOP), nobody asks it, or it is scraped. Each window
is compared with the one before it in which it was stopped, since a shared machine
changes from minute to minute. Scrapes come five times as often as every 15 s, and
what they add is divided by five. serve makes up for a window in which it was
stopped, so that "nobody asks" costs somewhat more here than elsewhere.
"""
import math
import mmap
import os
import re
import signal
import struct
import subprocess
import time
import urllib.request

from bench_run import (BUILD, PROGRAMS, ROUNDS, Failed, clean_environment, say,
                       scratch, size)

LIVE = size(100000, 1000)
WINDOW = size(6, 0.4)
# As often as every 15 s is 1.
HURRY = 5
PATHS = ("/debug/pprof/heap", "/metrics")
# Windows of each kind in a round.
WINDOWS = size(10, 1)
KINDS = ("nobody asks", "scraped")


class Interval:
    """The median, and between which of the values it is with 95% confidence:
    by ranks, so that no distribution is assumed."""

    def __init__(self, values):
        values = sorted(values)
        n = len(values)
        reach = 1.96 * math.sqrt(n) / 2
        self.median = (values[(n - 1) // 2] + values[n // 2]) / 2
        self.low = values[max(0, math.floor(n / 2 - reach))]
        self.high = values[min(n - 1, math.ceil(n / 2 + reach))]


    def text(self):
        return f"{self.median:.3f} ({self.low:.3f} to {self.high:.3f})"


COLUMNS = ("helper_share", "helper", "program", "total")


def added(one, base):
    """Per cent that a window has more than the one before it; the helper's
    share is of a processor already."""
    return {column: (getattr(one, column) - getattr(base, column))
            * (1 if column == "helper_share" else 100 / base.total)
            for column in COLUMNS}


class Found:
    """An Interval for each column."""

    def __init__(self, values):
        for column in COLUMNS:
            setattr(self, column, Interval([one[column] for one in values]))


class Window:
    """ns of processor time per unit of work."""

    def __init__(self, before, after):
        work = after.work - before.work
        if work <= 0:
            raise Failed("the program did no work in a window")
        self.helper = (after.helper - before.helper) / work
        self.program = (after.program - before.program) / work
        self.total = self.helper + self.program
        # Per cent of a processor.
        self.helper_share = (100 * (after.helper - before.helper)
                             / (after.time_ns - before.time_ns))


class Look:
    def __init__(self, target):
        self.time_ns = time.monotonic_ns()
        self.work = struct.unpack_from("<Q", target.counter)[0]
        self.helper = self.program = 0
        for tid in os.listdir(f"/proc/{target.pid}/task"):
            with open(f"/proc/{target.pid}/task/{tid}/schedstat") as file:
                used = int(file.read().split()[0])
            if int(tid) == target.helper:
                self.helper += used
            else:
                self.program += used


class Target:
    """work_busy, tracked."""

    def __init__(self):
        name = os.path.join(scratch(), "units")
        env = {**clean_environment(),
               "LD_PRELOAD": os.path.join(BUILD, "libleakshim.so"),
               "LEAKSHIM": f"out={scratch()}/%n.snap"}
        self.program = subprocess.Popen(
            [os.path.join(PROGRAMS, "work_busy"), str(LIVE), name], env=env,
            cwd=scratch(), stdout=subprocess.PIPE)
        self.pid = self.program.pid
        if self.program.stdout.readline() != b"ready\n":
            self.program.kill()
            raise Failed("work_busy did not start")
        with open(name, "r+b") as file:
            self.counter = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
        self.helper = self.find_helper()

    def find_helper(self):
        status = subprocess.run(
            [os.path.join(BUILD, "leakshim"), "status", "--json",
             str(self.pid)], capture_output=True, text=True,
            env=clean_environment())
        found = re.search(r'"helper": *(\d+)', status.stdout)
        if not found or found[1] == "0":
            self.program.kill()
            raise Failed("no helper: " + (status.stderr or status.stdout)[:200])
        return int(found[1])

    def end(self):
        self.program.kill()
        self.program.wait()


class Server:
    def __init__(self, target):
        self.program = subprocess.Popen(
            [os.path.join(BUILD, "leakshim"), "serve", "--listen",
             "127.0.0.1:0", str(target.pid)], stderr=subprocess.PIPE,
            text=True, env=clean_environment())
        line = self.program.stderr.readline()
        found = re.search(r"(http://\S+[^/\s])/*$", line)
        if not found:
            self.program.kill()
            raise Failed("leakshim serve: " + line.strip())
        self.url = found[1]

    def let(self, run):
        self.program.send_signal(signal.SIGCONT if run else signal.SIGSTOP)

    def scrape(self):
        for path in PATHS:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                answer.read()

    def end(self):
        self.let(True)
        self.program.terminate()
        self.program.wait()


def window(target, server, kind):
    """One of `kind`; None: serve is stopped."""
    server.let(kind is not None)
    # What was begun before ends.
    time.sleep(size(0.3, 0.1))
    before, end = Look(target), time.monotonic() + WINDOW
    while (left := end - time.monotonic()) > 0:
        if kind == "scraped":
            began = time.monotonic()
            server.scrape()
            left = min(end, began + 15 / HURRY) - time.monotonic()
        time.sleep(max(0, left))
    return Window(before, Look(target))


def measure(windows=ROUNDS * WINDOWS):
    target = Target()
    try:
        server = Server(target)
        try:
            # Its symbols are read once, and its first minutes have more
            # snapshots than those that follow.
            server.scrape()
            time.sleep(size(60, 0))
            pairs = {kind: [] for kind in KINDS}
            for i in range(windows):
                # The one that follows the base changes from turn to turn.
                for kind in KINDS[::1 if i % 2 else -1]:
                    base = window(target, server, None)
                    pairs[kind].append((window(target, server, kind), base))
                if i % 10 == 9:
                    say(f"bench: serve: {i + 1} of {windows} ...")
        finally:
            server.end()
    finally:
        target.end()
    idle, scraped = ([added(*pair) for pair in pairs[kind]] for kind in KINDS)
    # What serve does unasked is not done more often for being scraped.
    slow = [{column: one[column] + (other[column] - one[column]) / HURRY
             for column in COLUMNS} for one, other in zip(idle, scraped)]
    return {"nobody asks": Found(idle), "scraped every 15 s": Found(slow)}, \
        windows
