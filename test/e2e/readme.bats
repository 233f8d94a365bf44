# Every command of the README, in its order, as a newcomer would type them.

load helpers

@test "each sh block of the README runs" {
	cd "$BATS_TEST_TMPDIR"
	awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' \
		"$BATS_TEST_DIRNAME/../../README.md" >blocks
	[ "$(wc -l <blocks)" -gt 50 ]
	# Set-up commands are the checkout's; the rest is typed anywhere.
	# make install goes to a directory of the test's.
	sed -e 's,^scripts/,$TOP/scripts/,' -e 's,^make,make -C $TOP,' \
		blocks >commands
	TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd) \
		DESTDIR=$BATS_TEST_TMPDIR/root BUILD=$BUILD \
		LD_LIBRARY_PATH=$BUILD PATH=$BUILD:$PATH \
		timeout 120 bash -eu commands >out 2>&1 || {
		cat out
		false
	}
	cat out
	grep -q 'Live heap grew by .* was allocated in remember (server.c:10)' out
	python3 - growth.csv <<-'PYTHON'
		import csv, sys
		top = next(csv.DictReader(open(sys.argv[1])))
		assert top["function"] == "remember", top
		assert int(top["delta_objects"]) > 0, top
	PYTHON
	gzip -t growth.pb.gz
	[ -e root/usr/local/lib/libleakshim.so ]
}
