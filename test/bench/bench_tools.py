"""What programs are run under: nothing, leakshim in its modes, and others'
tools where they are installed."""
import glob
import os
import re
import shutil
import subprocess

from bench_run import BUILD

SHIM = os.path.join(BUILD, "libleakshim.so")


class Tool:
    """`env(out)` and `prefix(out)`: what goes before a command, given the
    directory that the tool may write to."""
    ours = False
    once = False
    base = "plain"  # whose time is 1

    def __init__(self, name, **settings):
        self.name = name
        self.env = lambda out: {}
        self.prefix = lambda out: []
        self.__dict__.update(settings)


def leakshim(name, options):
    def env(out):
        return {"LD_PRELOAD": SHIM, "LEAKSHIM":
                f"{options},out={out}/%p.%n.snap".lstrip(",")}
    return Tool(name, env=env, ours=True)


OURS = [leakshim("exact", ""),
        leakshim("sample=512K", "sample=512K"),
        leakshim("dormant", "start=off")]
EXACT, SAMPLED, DORMANT = OURS
PLAIN = Tool("plain")


def with_exit(tool):
    """The same, writing a snapshot at the end: for its size."""
    return leakshim(tool.name, {"exact": "on=exit", "sample=512K":
                                "sample=512K,on=exit"}[tool.name])


def library(name):
    """A shared library that the loader finds, as a path."""
    for directory in ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                      "/usr/lib64", "/usr/lib"):
        found = glob.glob(f"{directory}/{name}")
        if found:
            return found[0]
    return None


def competitors():
    """Those that are here, and {name: why not} of the others."""
    tools, missing = [], {}

    def add(there, name, package, **settings):
        if there:
            tools.append(Tool(name, **settings))
        else:
            missing[name] = f"{package} is not installed"

    def preload(path, **variables):
        return lambda out: {"LD_PRELOAD": path, **{
            key: value.replace("OUT", out)
            for key, value in variables.items()}}

    add(shutil.which("heaptrack"), "heaptrack", "heaptrack",
        prefix=lambda out: ["heaptrack", "-o", f"{out}/heaptrack"])
    lsan = library("liblsan.so.0")
    add(lsan, "LeakSanitizer", "liblsan0", env=preload(
        lsan, LSAN_OPTIONS="exitcode=0:log_path=OUT/lsan"))
    jemalloc = library("libjemalloc.so.2")
    # Compared with jemalloc too: the ratio to another allocator says little
    # about the profiler.
    add(jemalloc, "jemalloc", "libjemalloc2", env=preload(jemalloc))
    add(jemalloc, "jemalloc prof", "libjemalloc2", base="jemalloc",
        env=preload(jemalloc, MALLOC_CONF="prof:true,lg_prof_sample:19,"
                    "prof_final:true,prof_prefix:OUT/jeprof"))
    tcmalloc = library("libtcmalloc.so.4")
    add(tcmalloc, "tcmalloc", "libgoogle-perftools4", env=preload(tcmalloc))
    add(tcmalloc, "tcmalloc HEAPPROFILE", "libgoogle-perftools4",
        base="tcmalloc", env=preload(tcmalloc, HEAPPROFILE="OUT/tcmalloc"))
    add(shutil.which("valgrind"), "valgrind memcheck", "valgrind", once=True,
        prefix=lambda out: ["valgrind", "-q", "--trace-children=yes",
                            f"--log-file={out}/valgrind.%p"])
    return tools, missing


def output_of(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


# What the tables compare, by the package that brings it.
PACKAGES = """libc6 gcc-12 g++-12 heaptrack liblsan0 libjemalloc2
libgoogle-perftools4 valgrind libunwind8 python3.11-minimal perl-base sqlite3
redis-server nginx wrk elfutils binutils""".split()


def versions():
    """(what, version) of the machine and of all that is measured here."""
    info = open("/proc/cpuinfo").read()
    model = re.search(r"model name\s*:\s*(.*)", info)
    cores = len(re.findall(r"^processor\s*:", info, re.M))
    memory = re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read())
    rows = [("processor", f"{model.group(1) if model else os.uname().machine}, "
             f"{cores} cores"),
            ("memory", f"{int(memory.group(1)) / 2**20:.0f} GiB"),
            ("kernel", os.uname().release),
            ("libc", output_of("getconf", "GNU_LIBC_VERSION")),
            ("compiler", output_of("gcc", "--version").split("\n")[0])]
    installed = output_of("dpkg-query", "-W", "-f",
                          "${Package} ${Version} ${db:Status-Status}\\n",
                          *PACKAGES)
    packages = [line.split()[:2] for line in installed.split("\n")
                if line.endswith(" installed")]
    rows.append(("packages", ", ".join(" ".join(one) for one in packages)))
    return rows
