"""Whole programs, ours and Debian's, under each tool; two servers under load."""
import os
import re
import shutil
import socket
import time

from bench_run import (LIMIT_SECONDS, PROGRAMS, TINY, TOP, Failed, Process,
                       Result, TimedOut, bytes_in, fresh_directory,
                       geometric_mean, interleave, ratios, run, scratch, size)
from bench_tools import EXACT, OURS, PLAIN, SAMPLED, output_of, with_exit

BENCH = os.path.join(TOP, "test/bench")
PYTHON = "/usr/bin/python3"


class Program:
    """threads: its own. `deterministic`: what it prints is the same in all
    runs, and under leakshim too."""
    threads = 1
    deterministic = True
    quiet = False  # prints nothing

    def __init__(self, name, command, env=None, stdin=None, **settings):
        self.name = name
        self.names = [name]
        self.command = command
        self.env = env or {}
        self.stdin = stdin
        self.__dict__.update(settings)

    def why_not(self):
        return (None if shutil.which(self.command[0])
                else f"{self.command[0]} is not there")

    def run(self, tool):
        out = fresh_directory("out")
        stdin = open(self.stdin, "rb") if self.stdin else None
        try:
            result = run(tool.prefix(out) + self.command,
                         {**self.env, **tool.env(out)}, out, stdin)
        finally:
            if stdin:
                stdin.close()
        result.output = bytes_in(out)
        return {self.name: result}


def sqlite_script():
    path = os.path.join(scratch(), "work.sql")
    with open(os.path.join(BENCH, "work_sqlite.sql")) as source:
        text = source.read()
    with open(path, "w") as script:
        script.write(text.replace("ROWS", str(size(120000, 500))))
    return path


def compiler():
    """The compiler proper: some tools don't follow g++ into it."""
    def ask(*arguments):
        return output_of("g++", *arguments)

    multiarch = ask("-print-multiarch")
    return Program("g++", [ask("-print-prog-name=cc1plus"), "-quiet",
                           "-std=gnu++17", "-O2", "-D_GNU_SOURCE",
                           *(["-imultiarch", multiarch] if multiarch else []),
                           f"-DWIDTH={size(2, 1)}", "-o", "/dev/null",
                           f"{BENCH}/work_templates.cc"], quiet=True)


def ready(path):
    """Waits until a unix socket accepts."""
    for _ in range(2000):
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.connect(path)
                return
        except OSError:
            time.sleep(0.01)
    raise Failed("the server does not answer")


class Server:
    """Throughput: the wall time of a request is the inverse of it."""
    threads = 1
    deterministic = False

    def why_not(self):
        missing = [one for one in self.needs if not shutil.which(one)]
        return f"no {missing[0]} here" if missing else None

    def run(self, tool):
        out = fresh_directory("out")
        self.directory = fresh_directory("server")
        server = Process(tool.prefix(out) + self.command(), tool.env(out),
                         self.directory)
        try:
            ready(self.socket())
            requests, rates = self.load()
            self.stop()
            result = server.end()
        except BaseException:
            server.kill()
            raise
        output = bytes_in(out)
        return {name: Result(1 / rate, result.cpu / requests, result.rss,
                             output) for name, rate in rates.items()}

    def socket(self):
        return os.path.join(self.directory, "socket")


class Redis(Server):
    names = ["redis SET", "redis LPUSH"]
    name = "redis"
    needs = ["redis-server", "redis-benchmark"]

    def command(self):
        return ["redis-server", "--port", "0", "--unixsocket", self.socket(),
                "--save", "", "--appendonly", "no", "--dir", self.directory]

    def load(self):
        count = size(400000, 2000)
        said = run(["redis-benchmark", "-s", self.socket(), "-t", "set,lpush",
                    "-n", str(count), "-r", "100000", "-d", "100", "-c", "20",
                    "-P", "16", "--csv"]).said.decode()
        rates = {f"redis {verb}": float(rate) for verb, rate in
                 re.findall(r'^"(SET|LPUSH)","([\d.]+)"', said, re.M)}
        if len(rates) != 2:
            raise Failed("redis-benchmark said " + said[-200:])
        return 2 * count, rates

    def stop(self):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(self.socket())
            one.sendall(b"SHUTDOWN NOSAVE\r\n")
            one.recv(100)


class Nginx(Server):
    names = ["nginx"]
    name = "nginx"
    needs = ["/usr/sbin/nginx", "wrk"]

    def command(self):
        for _ in range(3):
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.port = one.getsockname()[1]
        page = os.path.join(self.directory, "index.html")
        with open(page, "w") as file:
            file.write("<p>benchmark</p>\n" * 400)
        temporary = "\n".join(f"{kind}_temp_path {self.directory}/{kind};"
                              for kind in ("client_body", "proxy", "fastcgi",
                                           "uwsgi", "scgi"))
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w") as file:
            file.write(f"""
                daemon off; master_process off;
                pid {self.directory}/pid;
                error_log {self.directory}/error.log crit;
                events {{ worker_connections 256; }}
                http {{
                    access_log off; {temporary}
                    gzip on; gzip_types text/html; gzip_min_length 100;
                    keepalive_requests 1000000;
                    server {{
                        listen 127.0.0.1:{self.port};
                        listen unix:{self.socket()};
                        root {self.directory};
                    }}
                }}""")
        return ["/usr/sbin/nginx", "-p", self.directory, "-c", path]

    def load(self):
        said = run(["wrk", "-t1", "-c16", f"-d{size(3, 1)}s",
                    "-H", "Accept-Encoding: gzip",
                    f"http://127.0.0.1:{self.port}/"]).said.decode()
        requests = re.search(r"(\d+) requests in", said)
        rate = re.search(r"Requests/sec:\s*([\d.]+)", said)
        if not requests or not rate or "Non-2xx" in said:
            raise Failed("wrk said " + said[-300:])
        return int(requests.group(1)), {"nginx": float(rate.group(1))}

    def stop(self):
        with open(os.path.join(self.directory, "pid")) as file:
            os.kill(int(file.read()), 3)  # QUIT: gracefully


def own(name, *arguments, **settings):
    program = os.path.join(PROGRAMS, "work_" + name.split("-")[0])
    return Program(name, [program, *map(str, arguments)], **settings)


def programs():
    malloc = {"PYTHONMALLOC": "malloc"}
    return [
        own("churn", size(10000, 20)),
        own("recurse", size(1000, 1)),
        own("server", size(2000, 5)),
        own("grow", size(10000, 20)),
        own("churn-2", size(5000, 20), 2, threads=2),
        own("handoff-2", size(10000, 20), 1, threads=2),
        own("handoff-4", size(5000, 20), 2, threads=4),
        own("storm", size(2500, 5), threads=8),
        Program("python json", [PYTHON, "-B", f"{BENCH}/work_json.py",
                                str(size(60, 1))], malloc),
        Program("python dict", [PYTHON, "-B", f"{BENCH}/work_dict.py",
                                str(size(400, 1))], malloc),
        Program("perl", ["/usr/bin/perl", f"{BENCH}/work_perl.pl",
                         str(size(150, 1))]),
        Program("sqlite3", ["/usr/bin/sqlite3", ":memory:"],
                stdin=sqlite_script()),
        compiler(),
        Redis(),
        Nginx(),
    ]


class Measured:
    """One name of a program: {tool: [Result or None per round]}, {tool: why it
    failed}."""

    def __init__(self, program, name, results, failures):
        self.program = program
        self.name = name
        self.results = results
        self.failures = failures

    def ratio(self, tool, key, base="plain"):
        if tool not in self.results or base not in self.results:
            return None
        return ratios(self.results[tool], self.results[base], key)

    def wall(self, tool, base="plain"):
        return self.ratio(tool, lambda one: one.wall, base)

    def cpu(self, tool, base="plain"):
        return self.ratio(tool, lambda one: one.cpu, base)

    def why_none(self, tool):
        """What a table says where there is no ratio."""
        if not isinstance(self.failures.get(tool), TimedOut):
            return "failed" if tool in self.failures else "-"
        plain = self.median("plain", lambda one: one.wall)
        # A server's is that of a request, which says nothing here.
        return ("too slow" if isinstance(self.program, Server)
                else f"> {LIMIT_SECONDS / plain:.0f}")

    def median(self, tool, key):
        values = sorted(key(one) for one in self.results.get(tool, ())
                        if one is not None)
        return values[len(values) // 2] if values else None


def check_output(program, results):
    """The first law: the program does under leakshim what it does without."""
    if not program.deterministic:
        return
    said = {one[program.name].said for tool in [PLAIN] + OURS
            for one in results[tool.name] if one is not None}
    if len(said) != 1 or (said == {b""}) != program.quiet:
        raise Failed(f"{program.name} printed not the same under leakshim")


def measure(program, tools):
    """[Measured], {tool: why it failed}."""
    def runner(tool):
        state = {"ran": False}

        def once():
            if tool.once and state["ran"]:
                return None
            state["ran"] = True
            return program.run(tool)
        return once

    if not TINY:
        program.run(PLAIN)  # its files into the cache
    results, failures = interleave({tool.name: runner(tool)
                                    for tool in [PLAIN] + tools})
    if PLAIN.name in failures:
        raise Failed(f"{program.name}: {failures[PLAIN.name]}")
    check_output(program, {tool.name: results[tool.name]
                           for tool in [PLAIN] + OURS
                           if tool.name in results} |
                 {tool.name: [] for tool in OURS
                  if tool.name not in results})
    sizes = {}
    for tool in (EXACT,) if TINY else (EXACT, SAMPLED):
        if tool in tools and tool.name not in failures:
            sizes[tool.name] = program.run(with_exit(tool))
    measured = []
    for name in program.names:
        mine = {tool: [one and one[name] for one in many]
                for tool, many in results.items()}
        for tool, run_with_exit in sizes.items():
            for one in filter(None, mine[tool]):
                one.output = run_with_exit[name].output
        measured.append(Measured(program, name, mine, failures))
    return measured, failures


def means(measured, tool, key="wall"):
    """(geometric mean, worst, its name) over the single-threaded programs that
    are no servers; key is wall or cpu."""
    found = [(getattr(one, key)(tool), one.name) for one in measured
             if one.program.threads == 1 and
             not isinstance(one.program, Server)]
    found = [(spread.median, name) for spread, name in found if spread]
    if not found:
        return None
    worst, name = max(found)
    return geometric_mean([ratio for ratio, _ in found]), worst, name
