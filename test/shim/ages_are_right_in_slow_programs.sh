# Each block's cohort is the second in which it was allocated: the clock is
# read more often than every 1,024th call where calls are rare.
set -eu
LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=exit" "$PROG" >born
zcat 1.snap | protoc --decode leakshim.v1.Snapshot \
	-I "$(dirname "$0")/../../proto" snapshot.proto >text
python3 - <<'PYTHON'
import re, sys

text = open("text").read()
bins = [(int(a or 0), int(b)) for a, b in
        re.findall(r"cohort_bins \{\s*(?:from_s: (\d+)\s*)?to_s: (\d+)", text)]
ages = []
for block in re.findall(r"^cohorts \{(.*?)^\}", text, re.S | re.M):
    column = lambda name: [int(n) for n in
                           re.findall(rf"^\s*{name}: (\d+)", block, re.M)]
    sizes = column("bytes")
    index = column("bin") or [0] * len(sizes)
    ages += [bins[i] for i, size in zip(index, sizes)
             for _ in range(size // 1000) if size % 1000 == 0]
print(ages)
# Born when it says, seconds 0 to 4 on a machine with time, give or take a
# second's edge.
want = [int(line) for line in open("born")]
near = all(a - 1 <= born < b + 1 for born, (a, b) in zip(want, sorted(ages)))
sys.exit(not (len(ages) == 5 and near and len(set(ages)) >= 3))
PYTHON
