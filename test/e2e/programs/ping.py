"""ping.py SOCKET STOP: pings a redis until the file STOP is there.

Prints how many pings were answered, and the longest wait in milliseconds.
Ends with 1 at the first that is not answered within five seconds, or not by
a pong.
"""
import os
import socket
import sys
import time

path, stop = sys.argv[1:]
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(5)
connection.connect(path)
answered, longest = 0, 0.0
while not os.path.exists(stop):
    begin = time.monotonic()
    connection.sendall(b"PING\r\n")
    answer = b""
    while not answer.endswith(b"\n"):
        more = connection.recv(64)
        if not more:
            sys.exit(f"the server hung up after {answered} pings")
        answer += more
    if answer != b"+PONG\r\n":
        sys.exit(f"ping {answered} was answered by {answer}")
    longest = max(longest, time.monotonic() - begin)
    answered += 1
    time.sleep(0.002)
print(answered, round(longest * 1000))
