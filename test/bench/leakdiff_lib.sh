# Sourced by leakdiff's benchmarks: rows, measuring, the snapshot maker.
# BUILD is where leakdiff is; DIR, under it, is kept from run to run.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in
/*) ;;
*) BUILD=$TOP/$BUILD ;;
esac
LEAKDIFF=${LEAKDIFF:-$BUILD/leakdiff}
DIR=$BUILD/bench
PYTHON=${PYTHON:-python3}

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

[ -x "$LEAKDIFF" ] || die "there is no $LEAKDIFF: run make first"
mkdir -p "$DIR" || exit 1

# measure RUNS COMMAND...: sets seconds and kib; output to $DIR/out.
measure()
{
	local runs=$1
	shift
	read -r seconds kib < <("$PYTHON" -I "$TOP/test/bench/leakdiff_measure" \
		"$runs" "$DIR/out" "$@")
	[ -n "$seconds" ] || die "no measurement of: $*"
}

calculate()
{
	awk "BEGIN { printf \"%.2f\", $1 }"
}

# row NAME OURS OTHER UNIT: numbers; the ratio is other to ours, so that more
# is better.
row()
{
	echo "$1|$2 $4|$3 $4|$(calculate "$3 / ($2 > 0 ? $2 : 0.001)")"
}

mib()
{
	calculate "$1 / 1024"
}

# make_maker: $DIR/leakdiff_snapshots, if it is not newer than its source.
make_maker()
{
	local maker=$DIR/leakdiff_snapshots
	local source=$TOP/test/bench/leakdiff_snapshots.c
	if [ ! "$maker" -nt "$source" ]; then
		${CC:-cc} -std=gnu11 -O2 -D_GNU_SOURCE -I"$BUILD/proto" \
			-o "$maker" "$source" "$TOP/test/unit/snapgen.c" \
			"$BUILD/libanalyzer.a" -lprotobuf-c -lz ||
			die "cannot build leakdiff_snapshots"
	fi
	MAKER=$maker
}
