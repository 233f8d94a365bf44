"""leaky_host.py DIRECTORY DEED: what a Python program can leak from C.

DIRECTORY has leaky_library.so and leaky_ext's. The deed is done a few times
to warm up; then for each line of standard input, a number, it is done so many
times more, and `done` is printed.
"""
import ctypes
import sys
import threading

directory, deed = sys.argv[1:]
sys.path.insert(0, directory)
program = ctypes.CDLL(None)
program.malloc.restype = ctypes.c_void_p
program.malloc.argtypes = [ctypes.c_size_t]
library = ctypes.CDLL(directory + "/leaky_library.so")
library.leaky_library_function.argtypes = [ctypes.c_size_t]
never = threading.Event()
thread = ctypes.c_ulong()


def extension():
    import leaky_ext
    leaky_ext.leak(1234)


def thread_that_never_ends():
    threading.Thread(target=never.wait, daemon=True).start()


def thread_never_joined():
    # Its body is a function of the C library that takes no notice.
    if program.pthread_create(ctypes.byref(thread), None, program.getpid,
                              None):
        sys.exit("no thread")


def library_thread_never_joined():
    if library.forgetful_create():
        sys.exit("no thread")


deeds = {
    "malloc": lambda: program.malloc(1234),
    "library": lambda: library.leaky_library_function(1234),
    "extension": extension,
    "never-ends": thread_that_never_ends,
    "never-joined": thread_never_joined,
    "library-never-joined": library_thread_never_joined,
}
for _ in range(3):
    deeds[deed]()
print("ready", flush=True)
for line in iter(sys.stdin.readline, ""):
    for _ in range(int(line)):
        deeds[deed]()
    print("done", line.strip(), flush=True)
sys.stdout.flush()
sys.stderr.flush()
