"""enter_root.py ROOT [NAME=VALUE]... PROGRAM ARGUMENT...: as a container's runtime does.

In a mount namespace of its own: ROOT becomes the root (pivot_root), the old one
is gone, and /proc is that of the pid namespace. Then the program is executed.
"""
import ctypes
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
PIVOT_ROOT = 155
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2


def check(result):
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source, target, kind, flags):
    check(libc.mount(source, target, kind, flags, None))


root = os.fsencode(sys.argv[1])
mount(None, b"/", None, MS_REC | MS_PRIVATE)
mount(root, root, None, MS_BIND | MS_REC)
os.chdir(root)
mount(b"proc", b"proc", b"proc", 0)
check(libc.syscall(PIVOT_ROOT, b".", b"."))
check(libc.umount2(b".", MNT_DETACH))
os.chdir("/")
words = sys.argv[2:]
while "=" in words[0]:
    name, value = words.pop(0).split("=", 1)
    os.environ[name] = value
os.execve(words[0], words, os.environ)
