"""check_http.py CHECK URL [ARGUMENT...]: what a client other than a profiler
may do to `leakshim serve`. Each prints nothing and returns 0 if serve held."""
import http.client
import random
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


def address(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def get(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def is_well(url):
    status, body = get(url + "/debug/pprof/heap")
    assert status == 200 and body[:2] == b"\x1f\x8b", (status, body[:80])


def parallel(url, clients, seconds):
    """That many clients ask for everything, for so long: no error."""
    paths = ["heap", "allocs", "threadcreate", "heap?debug=1", "cmdline",
             "symbol", "block", ""]
    end = time.monotonic() + float(seconds)
    wrong, counts = [], [0]

    def client(number):
        random.seed(number)
        while time.monotonic() < end:
            path = random.choice(paths)
            try:
                status, _ = get(f"{url}/debug/pprof/{path}")
            except OSError as error:
                status = error
            counts[0] += 1
            if status != 200:
                wrong.append((path, status))

    threads = [threading.Thread(target=client, args=(i,))
               for i in range(int(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong[:5]
    assert counts[0] > int(clients), counts


def idle(url, connections):
    """Connections that say nothing don't keep others out."""
    held = []
    for _ in range(int(connections)):
        held.append(socket.create_connection(address(url), timeout=10))
    for each in held[:: max(len(held) // 20, 1)]:
        each.send(b"GET /debug/pprof/heap HTTP/1.1\r\nHost: ")
    is_well(url)
    for each in held:
        each.close()
    is_well(url)


def abort(url, times):
    """Clients that go before they have their answer."""
    for i in range(int(times)):
        one = socket.create_connection(address(url), timeout=10)
        one.send(b"GET /debug/pprof/heap?seconds=1 HTTP/1.1\r\n"
                 b"Host: localhost\r\n\r\n" if i % 2 else
                 b"GET /debug/charts/events HTTP/1.1\r\n"
                 b"Host: localhost\r\n\r\n")
        if i % 3 == 0:
            one.recv(64)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                       b"\1\0\0\0\0\0\0\0")
        one.close()
    is_well(url)


GOOD = (b"POST /debug/pprof/symbol?a=b HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 9\r\nAuthorization: Basic eDp5\r\n\r\n0x1+0x2+3")
PARTS = [b"\r\n", b"\0", b"%00", b"%zz", b"\xff" * 300, b" ", b":", b"/../" * 40,
         b"A" * 70000, b"Content-Length: 99999999999999999999\r\n",
         b"Transfer-Encoding: chunked\r\n", b"HTTP/9.9", b"GET /p/1/ ", b"?", b"&=",
         b"Expect: 100-continue\r\n", b"Range: bytes=1-2\r\n"]


def fuzz(url, rounds, seed):
    """Malformed requests: whatever comes back, serve goes on."""
    random.seed(int(seed))
    for i in range(int(rounds)):
        data = bytearray(GOOD)
        for _ in range(random.randint(1, 6)):
            at = random.randrange(len(data))
            kind = random.randrange(4)
            if kind == 0:
                data[at] = random.randrange(256)
            elif kind == 1:
                del data[at:at + random.randint(1, 20)]
            elif kind == 2:
                data[at:at] = random.choice(PARTS)
            else:
                data += data[:at]
            if not data:
                data = bytearray(GOOD)
        one = socket.create_connection(address(url), timeout=10)
        try:
            one.sendall(bytes(data))
            one.settimeout(0.02)
            one.recv(4096)
        except OSError:
            pass
        one.close()
        if i % 200 == 0:
            is_well(url)
    is_well(url)


def foreign(url):
    """Pages of other sites are refused."""
    path = url + "/debug/pprof/cmdline"
    assert get(path)[0] == 200
    assert get(path, Origin="http://evil.example")[0] == 403
    assert get(path, Host="evil.example:6060")[0] == 403
    assert get(path, Host="localhost")[0] == 200
    assert get(path, Origin=url)[0] == 200
    # Each is told what to do about it.
    host = get(path, Host="evil.example:6060")[1]
    page = get(path, Origin="http://evil.example")[1]
    assert b"--token-file" in host, host
    assert b"X-Forwarded-Host" in page, page
    same = {"Sec-Fetch-Site": "same-origin"}
    proxied = {"X-Forwarded-Host": "mem.example"}
    for status, headers in (
            # A browser's own word, also where it hides the origin.
            (200, {"Origin": "null", **same}),
            (200, {"Origin": "https://mem.example", **same}),
            (200, {"Sec-Fetch-Site": "none"}),
            # By a proxy that tells what it was asked for.
            (200, {"Origin": "http://mem.example", **proxied}),
            (403, {"Origin": "http://evil.example", **proxied}),
            (403, {"Origin": "null", **proxied}),
            (403, {"Origin": "null"}),
            (403, {"Origin": "https://mem.example",
                   "Sec-Fetch-Site": "same-site"}),
            # A page that was made ours by its name server.
            (403, {"Host": "evil.example", **same}),
            (403, {"Host": "evil.example", "Origin": "http://evil.example"}),
            (403, {"Host": "evil.example", "X-Forwarded-Host": "localhost"}),
            # Its pictures, and its links.
            (403, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}),
            (200, {"Sec-Fetch-Site": "cross-site",
                   "Sec-Fetch-Mode": "navigate"})):
        got = get(path, **headers)[0]
        assert got == status, (headers, got)


def token(url, secret):
    import base64
    path = url + "/debug/pprof/cmdline"
    basic = base64.b64encode(f"x:{secret}".encode()).decode()
    wrong = base64.b64encode(b"x:" + secret.encode()[:-1] + b"?").decode()
    for headers, status in (
            ({}, 401), ({"Authorization": "Bearer " + secret}, 200),
            ({"Authorization": "Bearer " + secret[:-1]}, 401),
            ({"Authorization": "Bearer " + secret + "x"}, 401),
            ({"Authorization": "Bearer "}, 401),
            ({"Authorization": "Basic " + basic}, 200),
            # Then the host is anybody's; a foreign page's browser knows the
            # password too.
            ({"Authorization": "Basic " + basic, "Host": "mem.example"}, 200),
            ({"Authorization": "Basic " + basic, "Host": "mem.example",
              "Origin": "https://mem.example"}, 200),
            ({"Authorization": "Basic " + basic,
              "Origin": "https://evil.example"}, 403),
            ({"Host": "mem.example"}, 401),
            ({"Authorization": "Basic " + wrong}, 401),
            ({"Authorization": "Basic ???"}, 401)):
        got = get(path, **headers)[0]
        assert got == status, (headers, got)


def body(url):
    host, port = address(url)
    for size, status in ((1 << 20, 200), (3 << 20, 413)):
        one = http.client.HTTPConnection(host, port, timeout=60)
        one.request("POST", "/debug/pprof/symbol", b"+" * size)
        assert one.getresponse().status == status, size
        one.close()
    is_well(url)


globals()[sys.argv[1]](*sys.argv[2:])
