"""has_perf: fails, and says why, where perf_event_open(2) does not sample the
caller's own threads, with those that they start, as serve wants it."""
import ctypes
import os
import platform
import struct
import sys

PERF_EVENT_OPEN = 298
SOFTWARE, TASK_CLOCK, SAMPLE_TID = 1, 1, 2
INHERIT, EXCLUDE_KERNEL = 1 << 1, 1 << 5
INHERIT_THREAD, REMOVE_ON_EXEC = 1 << 35, 1 << 36

if platform.machine() != "x86_64":
    sys.exit("this is no x86-64")
attributes = struct.pack("<IIQQQQQ80x", SOFTWARE, 128, TASK_CLOCK, 10000000,
                         SAMPLE_TID, 0, INHERIT | EXCLUDE_KERNEL
                         | INHERIT_THREAD | REMOVE_ON_EXEC)
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(PERF_EVENT_OPEN, attributes, 0, -1, -1, 0) < 0:
    sys.exit("perf_event_open: " + os.strerror(ctypes.get_errno()))
