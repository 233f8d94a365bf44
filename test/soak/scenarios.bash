# Loaded by the tests of the ready soaks of scripts/soak, on top of programs.bash.

# soak STATUS NAME [--planted] [-- OPTIONS]: one of them, by scripts/soak/run, and
# what it ends with. Its files are in out/NAME. Nothing of it runs afterwards.
soak() {
	local expected=$1 name=$2 status=0
	shift 2
	timeout -k 10 500 "$TOP/scripts/soak/run" --out "$PWD/out" "$name" "$@" \
		>"$name.said" 2>&1 3>&- || status=$?
	cat "$name.said"
	echo "ended with $status"
	[ $status = "$expected" ]
	refute pgrep -af "$PWD/out/$name"
}

# result NAME EXPRESSION...: each is true in Python, where `runs` are those of
# out/NAME/result.json and `found` are the findings of all of them, in order.
result() {
	local file=out/$1/result.json
	shift
	$PYTHON -I - "$file" "$@" <<'PY'
import json, sys
from types import SimpleNamespace
file, *expressions = sys.argv[1:]
read = json.load(open(file), object_hook=lambda pairs: SimpleNamespace(**pairs))
runs = read.runs
found = [finding for run in runs for finding in run.findings]
for expression in expressions:
    if not eval(expression):
        print(f"not so: {expression}")
        print(json.dumps(json.load(open(file)), indent=1))
        sys.exit(1)
PY
}

# leaks NAME FUNCTION BYTES: that function is at the first place, a leak of that
# many bytes a unit within 5 per cent.
leaks() {
	result "$1" "found[0].function == '$2'" "found[0].kind == 'heap'" \
		"found[0].verdict == 'leak'" \
		"0.95 * $3 <= found[0].bytes_per_unit <= 1.05 * $3"
}

# loses_threads NAME FUNCTION: likewise, exactly one thread a unit.
loses_threads() {
	result "$1" "found[0].function == '$2'" "found[0].kind == 'thread'" \
		"found[0].verdict == 'leak'" \
		'found[0].delta_objects == runs[0].units' \
		'len(found) == 1'
}

# is_clean NAME: nothing is called a leak, in any of its runs, and each had enough
# snapshots to say so.
is_clean() {
	result "$1" 'not found' 'all(run.outcome == "clean" for run in runs)' \
		'all(run.snapshots >= 8 for run in runs)'
}
