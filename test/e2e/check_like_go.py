"""check_like_go.py OURS GO: each path is asked of `leakshim serve` at OURS and
of Go's net/http/pprof at GO; status, headers and the form of the body have to
be the same."""
import re
import sys
import urllib.error
import urllib.request

from pprof_profile import Profile

# Path; how the body is compared, where both have one.
EXACT, SHAPE, PROFILE, HTML = "exact", "shape", "profile", "html"
TABLE = [
    ("", HTML),
    ("heap", PROFILE), ("allocs", PROFILE), ("threadcreate", PROFILE),
    ("goroutine", PROFILE), ("block", PROFILE), ("mutex", PROFILE),
    ("heap?debug=0", PROFILE), ("heap?gc=1", PROFILE),
    ("heap?debug=x", PROFILE), ("heap?gc=x", PROFILE),
    ("heap?debug=1", SHAPE), ("allocs?debug=1", SHAPE),
    ("heap?debug=2", SHAPE),
    ("threadcreate?debug=1", SHAPE), ("goroutine?debug=1", SHAPE),
    ("goroutine?debug=2", SHAPE),
    ("block?debug=1", SHAPE), ("mutex?debug=1", SHAPE),
    ("heap?seconds=1", PROFILE), ("allocs?seconds=1", PROFILE),
    ("threadcreate?seconds=1", PROFILE), ("goroutine?seconds=1", PROFILE),
    ("block?seconds=1", PROFILE), ("mutex?seconds=1", PROFILE),
    ("heap?seconds=0", EXACT), ("heap?seconds=-1", EXACT),
    ("heap?seconds=%201", EXACT), ("heap?seconds=x", EXACT),
    ("heap?seconds=1.5", EXACT),
    ("heap?seconds=99999999999999999999", EXACT),
    ("heap?seconds=", PROFILE), ("heap?seconds=1&debug=1", EXACT),
    ("goroutine?seconds=1&debug=1", EXACT),
    ("profile?seconds=1", PROFILE),
    ("cmdline", None), ("nothing", EXACT), ("heap/", EXACT),
    ("symbol", EXACT), ("symbol?0x1", EXACT), ("symbol?", EXACT),
    ("symbol?zzz", EXACT),
]
POSTS = [("symbol", b""), ("symbol", b"0x1+0x2"), ("symbol", b"+"),
         ("heap", b"")]
HEADERS = ["Content-Type", "Content-Disposition", "X-Content-Type-Options",
           "X-Go-Pprof"]
# A legacy text's first line with its numbers taken out.
SHAPES = re.compile(r"\d+")
failures = []


def ask(base, path, body=None, method=None):
    request = urllib.request.Request(base + path, data=body, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers, answer.read()


def same(path, what, ours, go):
    if ours != go:
        failures.append(f"{path}: {what} is {ours!r}, Go's {go!r}")


def media_type(headers, name):
    value = headers.get(name)
    return value.lower() if value and name == "Content-Type" else value


def compare_bodies(path, how, ours, go):
    if how == EXACT:
        same(path, "body", ours, go)
    elif how == SHAPE:
        first = [SHAPES.sub("N", body.decode().split("\n")[0])
                 for body in (ours, go)]
        if path.startswith("goroutine?debug=2"):
            if not re.match(r"thread \d+ .*\[.*\]:\n\t", ours.decode()):
                failures.append(f"{path}: {ours[:80]!r}")
        else:
            same(path, "first line", *first)
    elif how == PROFILE:
        a, b = Profile(ours), Profile(go)
        same(path, "sample types", a.types, b.types)
        same(path, "default type", a.text(a.one(14)), b.text(b.one(14)))
        period = [(p.text(m.one(1)), p.text(m.one(2)))
                  for p in (a, b) for m in p.messages(11)]
        same(path, "period type", period[0], period[1])
        same(path, "a duration", bool(a.duration_ns), bool(b.duration_ns))


def compare(base, reference, path, how, **request):
    ours, go = ask(base, path, **request), ask(reference, path, **request)
    same(path, "status", ours[0], go[0])
    for name in HEADERS:
        same(path, name, media_type(ours[1], name), media_type(go[1], name))
    if ours[0] == go[0] and request.get("method") != "HEAD":
        compare_bodies(path, how if go[0] == 200 else EXACT, ours[2], go[2])


def redirected(base):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None
    try:
        urllib.request.build_opener(Stay).open(base, timeout=60)
    except urllib.error.HTTPError as error:
        return error.status, error.headers.get("Location")
    return None


def main():
    ours, go = (base + "/debug/pprof/" for base in sys.argv[1:3])
    for path, how in TABLE:
        compare(ours, go, path, how)
    for path, body in POSTS:
        compare(ours, go, path, EXACT if path == "symbol" else PROFILE,
                body=body)
    for path in ("heap", "heap?debug=1", "nothing", "cmdline"):
        compare(ours, go, path, None, method="HEAD")
    same("without its slash", "redirect", redirected(ours[:-1]),
         redirected(go[:-1]))
    print("\n".join(failures))
    sys.exit(bool(failures))


main()
