# The parent and its six children: each file has every block that it should.
set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

under_shim on=exit "$PROG"
expect 7 "$(ls ./*.snap | wc -l)" files
for file in ./*.snap; do
	consistent "$file"
	rows "$file" >rows
	losses=$(look "$file" '[losses.dropped_allocs, losses.dropped_frees,
		losses.unknown_frees, losses.implicit_frees]')
	expect '[0, 0, 0, 0]' "$losses" "losses of $file"
	if [ "$(look "$file" header.fork_wall_ns)" = 0 ]; then
		expect '20000 2000000 20000 0' "$(row rows keep_blocks)" parent
		expect none "$(row rows child_leaks)"
	else
		expect '10000 1000000 20000 10000' "$(row rows keep_blocks)" \
			child
		expect '4000 4000000 4000 0' "$(row rows child_leaks)" child
	fi
done
