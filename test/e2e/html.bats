# leakdiff --html writes one offline page that holds what --json says. What a
# browser makes of it is tested in test/web.

load programs

setup() {
	cd "$TOP/test/fixtures/v1"
}

# A leakdiff that has a page, or none: from the same objects, with another
# embedded text. A make of its own would need all options of this one.
leakdiff_with() {
	"${CC:-cc}" "$@" -c -o "$BATS_TEST_TMPDIR/page.o" \
		"$TOP/analyzer/html_page_text.S"
	"${CC:-cc}" -o "$BATS_TEST_TMPDIR/leakdiff" \
		"$BUILD/analyzer/main.o" "$BATS_TEST_TMPDIR/page.o" \
		"$BUILD/libanalyzer.a" -Wl,--as-needed -ldw -lelf -liberty \
		-lprotobuf-c -lz -ljansson -lm -pthread
}

# embedded FILE: the report in a page.
embedded() {
	$PYTHON -I - "$1" <<'PY'
import re, sys
page = open(sys.argv[1], encoding="utf-8").read()
found = re.findall(r'<script type="application/json" id="report">(.*?)'
                   r'</script>', page, re.S)
assert len(found) == 1, len(found)
print(found[0])
PY
}

# same_json A B: reals as near as a page tells them.
same_json() {
	$PYTHON -I - "$1" "$2" <<'PY'
import json, math, sys
def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-8)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b
a, b = (json.load(open(f, encoding="utf-8")) for f in sys.argv[1:])
assert a["processes"][0]["heap"], "nothing to compare"
sys.exit(not same(a, b))
PY
}

PAGE='<html><script type="application/json" id="report">@REPORT@</script>'

@test "the page holds what --json says" {
	printf '%s' "$PAGE" >"$BATS_TEST_TMPDIR/page.html"
	leakdiff_with "-DWEB_PAGE=\"$BATS_TEST_TMPDIR/page.html\""
	cd "$TOP/test/fixtures/v1"
	for files in "exact.1.snap exact.2.snap" threads.snap sampled.snap; do
		"$BATS_TEST_TMPDIR/leakdiff" $files --html \
			-o "$BATS_TEST_TMPDIR/out.html"
		embedded "$BATS_TEST_TMPDIR/out.html" \
			>"$BATS_TEST_TMPDIR/html.json"
		"$LEAKDIFF" $files --json >"$BATS_TEST_TMPDIR/json"
		same_json "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/html.json"
	done
}

@test "a hostile file name ends no element" {
	printf '%s' "$PAGE" >"$BATS_TEST_TMPDIR/page.html"
	leakdiff_with "-DWEB_PAGE=\"$BATS_TEST_TMPDIR/page.html\""
	cd "$BATS_TEST_TMPDIR"
	cp "$TOP/test/fixtures/v1/threads.snap" '<script>alert(1)<!--.snap'
	./leakdiff '<script>alert(1)<!--.snap' --html -o out.html
	[ "$(grep -c '<script>alert' out.html)" -eq 0 ]
	grep -qF '\u003cscript>alert(1)\u003c!--.snap' out.html
	embedded out.html >html.json
	$PYTHON -I -m json.tool html.json | grep -qF '<script>alert(1)<!--.snap'
}

@test "built without the page, --html says so and writes nothing" {
	leakdiff_with
	run "$BATS_TEST_TMPDIR/leakdiff" threads.snap --html \
		-o "$BATS_TEST_TMPDIR/out.html"
	[ "$status" -eq 5 ]
	[[ "$output" == *"leakdiff: this leakdiff was built without the HTML"* ]]
	[[ "$output" == *"run 'make web' and 'make' again"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/out.html" ]
	"$BATS_TEST_TMPDIR/leakdiff" threads.snap --json >/dev/null
}

@test "the built page names no place to fetch from" {
	run "$LEAKDIFF" threads.snap --html -o "$BATS_TEST_TMPDIR/out.html"
	[[ "$output" != *"built without the HTML page"* ]] ||
		skip "this build has no page: run make web"
	[ "$status" -eq 0 ]
	grep -q "default-src 'none'" "$BATS_TEST_TMPDIR/out.html"
	# Addresses stand in the licences' comment and in the names of XML.
	run grep -nE '(src|href|url|import)[^a-z]{1,3}(https?:)?//' \
		"$BATS_TEST_TMPDIR/out.html"
	[ "$status" -eq 1 ]
}
