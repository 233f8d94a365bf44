# Every loss that the format knows is told by everything that tells losses. The
# list is that of proto/snapshot.proto: a new one without a place fails here.

load helpers

setup_file() {
	$PYTHON -IB "$TOP/test/e2e/set_losses.py" \
		"$TOP/test/fixtures/v1/exact.1.snap" \
		"$BATS_FILE_TMPDIR/lost.snap" "$TOP/proto/snapshot.proto" \
		>"$BATS_FILE_TMPDIR/losses"
	[ "$(wc -l <"$BATS_FILE_TMPDIR/losses")" -ge 19 ]
	build_host steps
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

teardown() {
	end_hosts
}

# 1234567 as 1,234,567
grouped() {
	sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta' <<<"$1"
}

# each COMMAND...: with name, value, and value as people read it; all that fail
# are named.
each() {
	local name value missing=
	while read -r name value; do
		"$@" "$name" "$value" "$(grouped "$value")" ||
			missing="$missing $name"
	done <losses
	[ -z "$missing" ] || { echo "not told:$missing"; false; }
}

@test "the shim counts every loss of the format" {
	sed -n '/define LKS_COUNTERS/,/[^\\]$/s/^\tX(\([a-z_]*\)).*/\1/p' \
		"$TOP/preload/counters.h" | sort >counted
	# These two are a state, which encode_meta.c and status.c take where it
	# is kept.
	cut -d' ' -f1 losses | grep -vx 'thinning_shift\|disabled_because' |
		sort >wanted
	cmp counted wanted
	grep -q 'l.thinning_shift = ' "$TOP/preload/encode_meta.c"
	grep -q 'l.disabled_because = ' "$TOP/preload/encode_meta.c"
	grep -q '"loss.thinning_shift"' "$TOP/preload/status.c"
	grep -q '"reason"' "$TOP/preload/status.c"
}

in_text() {
	case $1 in
	thinning_shift) grep -q "^  1 block of $(grouped $((1 << $2))) " text ;;
	disabled_because) grep -q "stopped itself: $2$" text ;;
	*) grep -q "^  [a-z].*: $3$" text ;;
	esac
}

@test "leakdiff tells every loss" {
	"$LEAKDIFF" lost.snap >text
	each in_text
}


in_comparison() {
	case $1 in
	thinning_shift) grep -q "^  lost.snap: 1 block of $(grouped $((1 << $2))) " text ;;
	disabled_because) grep -q "lost.snap: .*stopped itself: $2$" text ;;
	*) grep -q "^  [a-z].*: $3 (old: 0)$" text ;;
	esac
}

@test "a comparison tells every loss, and what it was before" {
	"$LEAKDIFF" "$TOP/test/fixtures/v1/exact.1.snap" lost.snap >text \
		2>warnings
	grep -q ' (old: ' text
	sed 's/(old: [0-9,]*)/(old: 0)/' text >text.new
	mv text.new text
	each in_comparison
}

in_json() {
	[ "$($PYTHON -Ic 'import json, sys
print(json.load(open("json"))["processes"][0]["losses"][sys.argv[1]])' \
		"$1")" = "$2" ]
}

@test "leakdiff --json tells every loss" {
	"$LEAKDIFF" lost.snap --json >json
	each in_json
}

in_csv() {
	case $1 in
	disabled_because) grep -q "^loss,$1,0,1,.*,$2$" csv ;;
	*) grep -q "^loss,$1,0,$2,0,0,0,$2,0,0,0,0,,,,[^,]*" csv ;;
	esac
}

@test "leakdiff --csv tells every loss, in rows of their own" {
	"$LEAKDIFF" lost.snap --csv >csv
	each in_csv
	# As many fields as all others, and not among what is summed.
	$PYTHON -Ic 'import csv
rows = list(csv.reader(open("csv")))
assert {len(row) for row in rows} == {len(rows[0])}, rows
assert [r[0] for r in rows if r[0] == "loss"] == \
    [r[0] for r in rows[-sum(r[0] == "loss" for r in rows):]]'
	# Of three and more snapshots there are more columns.
	local trend=$TOP/test/cli/leakdiff-trend/in
	$PYTHON -IB "$TOP/test/e2e/set_losses.py" "$trend/server.8.snap" \
		lost.8.snap "$TOP/proto/snapshot.proto" >again
	cmp again losses
	"$LEAKDIFF" "$trend"/server.[1-7].snap lost.8.snap --csv >csv
	head -n 1 csv | grep -q ,verdict,
	[ "$(grep -c ^loss, csv)" -eq "$(wc -l <losses)" ]
	$PYTHON -Ic 'import csv
assert len({len(row) for row in csv.reader(open("csv"))}) == 1'
}

# The page holds --json's text (html.bats); what makes lines of it is this.
in_page() {
	grep -qE "(^	$1: \"|name === \"$1\")" \
		"$TOP/analyzer/web/src/losses.js"
}

@test "the HTML page has words for every loss" {
	each in_page
}

# The words that leakdiff has for it.
words_of() {
	sed -n "s/^	X($1, \"\(.*\)\").*/\1/p" "$TOP/analyzer/facts.h"
}

in_status() {
	case $1 in
	thinning_shift) grep -q "1 block of $(grouped $((1 << $2))) " status ;;
	disabled_because) grep -q "^state  *off: $2$" status ;;
	*) [ -n "$(words_of "$1")" ] &&
		grep -qF " $3 $(words_of "$1")" status ;;
	esac
}

in_status_json() {
	$PYTHON -Ic 'import json, sys
name, value = sys.argv[1:]
it = json.load(open("status.json"))
sys.exit(it["reason"] != value if name == "disabled_because" else
         it["losses"][name] != int(value))' "$1" "$2"
}

@test "leakshim status tells every loss, also as JSON" {
	local file name value
	track out=%n.snap "$BATS_FILE_TMPDIR/steps" "touch:$BATS_TEST_TMPDIR/up" \
		pause
	wait_for_file "$BATS_TEST_TMPDIR/up"
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh $pid
	file=$(find /run/user/"$(id -u)"/leakshim /tmp/leakshim-"$(id -u)" \
		-name "*-$pid" 2>/dev/null | head -n 1)
	while read -r name value; do
		case $name in
		disabled_because) echo "reason=$value" ;;
		*) echo "loss.$name=$value" ;;
		esac
	done <losses >more
	# The shim has no reason to write it anew.
	sed -i -e '/^loss\./d' -e '/^reason=/d' -e 's/^state=.*/state=off/' \
		"$file"
	cat more >>"$file"
	"$LEAKSHIM_BIN" status --no-refresh $pid >status
	each in_status
	"$LEAKSHIM_BIN" status --no-refresh --json $pid >status.json
	each in_status_json
	# list has their sum.
	value=$(awk '$1 !~ /thinning|disabled/ { sum += $2 }
		END { print sum }' losses)
	"$LEAKSHIM_BIN" list >list
	grep -qE "^ *$pid +off .* $value +none yet" list
}
