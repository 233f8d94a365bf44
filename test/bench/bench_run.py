"""Running one command and measuring it; rounds of several, interleaved; the
statistics of what they measured."""
import math
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD") or "build")
PROGRAMS = os.path.join(BUILD, "test/bench")
TINY = os.environ.get("BENCH_SIZE") == "tiny"
ROUNDS = int(os.environ.get("BENCH_ROUNDS") or (1 if TINY else 5))
# A run that takes longer is not repeated more than twice: the valgrinds of
# this world would take hours, and their ratio needs no second digit.
SLOW_SECONDS = 10
# Then a run counts as a failure, and the page says so.
LIMIT_SECONDS = 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def size(full, tiny):
    return tiny if TINY else full


class Failed(Exception):
    pass


class TimedOut(Failed):
    pass


class Result:
    """wall and cpu in seconds (of whatever the program's unit is), rss in
    bytes: of the largest process, output in bytes."""

    def __init__(self, wall, cpu, rss, output=0, said=b""):
        self.wall = wall
        self.cpu = cpu
        self.rss = rss
        self.output = output
        self.said = said


class Process:
    """A command in a process group of its own, started; end() waits for it."""
    running = set()

    def __init__(self, command, env, directory, stdin=None):
        self.limit = time.monotonic() + LIMIT_SECONDS
        self.out = tempfile.TemporaryFile(dir=scratch())
        self.err = tempfile.TemporaryFile(dir=scratch())
        handle, self.report = tempfile.mkstemp(dir=scratch())
        os.close(handle)
        variables = [f"{key}={value}" for key, value in env.items()]
        self.child = subprocess.Popen(
            [os.path.join(PROGRAMS, "bench_launch"), self.report, *variables,
             "--", *command], env=clean_environment(), cwd=directory,
            stdin=stdin or subprocess.DEVNULL, stdout=self.out,
            stderr=self.err, start_new_session=True)
        Process.running.add(self)

    def kill(self):
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended
        self.child.wait()
        Process.running.discard(self)

    def end(self):
        try:
            self.child.wait(max(1, self.limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimedOut(f"took over {LIMIT_SECONDS} s")
        Process.running.discard(self)
        said, told = (self.text(file) for file in (self.out, self.err))
        if self.child.returncode != 0:
            raise Failed("bench_launch failed: " + told[-300:].decode())
        with open(self.report) as file:
            status, wall, cpu, rss = map(int, file.read().split())
        os.remove(self.report)
        if status != 0:
            raise Failed(f"exit status {status}: "
                         + told.decode(errors="replace")[-300:].strip())
        return Result(wall / 1e9, cpu / 1e9, rss * 1024, said=said)

    @staticmethod
    def text(file):
        file.seek(0)
        with file:
            return file.read()


def clean_environment():
    """Of the caller's, only what programs need: no LD_PRELOAD, no LEAKSHIM."""
    keep = ("PATH", "HOME", "TMPDIR", "USER")
    env = {key: os.environ[key] for key in keep if key in os.environ}
    return {**env, "LC_ALL": "C.UTF-8"}


def run(command, env=None, directory=None, stdin=None):
    return Process(command, env or {}, directory or scratch(), stdin).end()


_scratch = None


def scratch():
    """A directory for this run of the benchmark, removed at its end."""
    global _scratch
    if _scratch is None:
        _scratch = tempfile.mkdtemp(prefix="leakshim-bench.")
    return _scratch


def clean_up():
    """Whatever ended the benchmark: nothing runs on and nothing is left."""
    for process in list(Process.running):
        process.kill()
    if _scratch is not None:
        shutil.rmtree(_scratch, ignore_errors=True)


def fresh_directory(name):
    path = os.path.join(scratch(), name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def bytes_in(path):
    return sum(os.path.getsize(os.path.join(where, name))
               for where, _, names in os.walk(path) for name in names)


def interleave(named, rounds=None, slow=SLOW_SECONDS):
    """`named`: {name: function that returns results or raises Failed}. Round by
    round each once, beginning with another each time. Returns {name: [result
    or None per round]} and {name: why it failed}."""
    results = {name: [] for name in named}
    failures = {}
    names = list(named)
    for number in range(rounds or ROUNDS):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            done = [one for one in results[name] if one is not None]
            took = max((one[1] for one in done), default=0)
            if name in failures or (took > slow and len(done) >= 2):
                results[name].append(None)
                continue
            begin = time.monotonic()
            try:
                result = named[name]()
                results[name].append((result, time.monotonic() - begin))
            except Failed as failure:
                failures[name] = failure
                results[name].append(None)
            took = time.monotonic() - begin
            if took > slow:
                say(f"bench: {name} took {took:.0f} s")
    return ({name: [one and one[0] for one in many]
             for name, many in results.items()}, failures)


class Spread:
    """Median and range of some numbers."""

    def __init__(self, values):
        values = sorted(values)
        self.count = len(values)
        self.median = statistics.median(values)
        self.low, self.high = values[0], values[-1]


def ratios(results, base, key):
    """Round by round, what a program took under a tool to what it took under
    the base in the same round; None if there is no such round."""
    pairs = [(key(one), key(other)) for one, other in zip(results, base)
             if one is not None and other is not None]
    values = [one / other for one, other in pairs if other > 0]
    return Spread(values) if values else None


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))
