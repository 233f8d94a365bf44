set -eu
. "$(dirname "${BASH_SOURCE[0]}")/lib_look.sh"

under_shim on=exit "$PROG"
expect 13 "$(ls ./*.snap | wc -l)" files
consistent ./*.snap
for file in ./*.snap; do
	rows "$file" >rows
	lost=$(look "$file" 'losses.dropped_allocs + losses.dropped_frees +
		losses.unknown_frees + losses.implicit_frees')
	expect 0 "$lost" "losses of $file"
	if [ "$(look "$file" header.fork_wall_ns)" = 0 ]; then
		expect '1000 100000 1000 0' "$(row rows keep_in_parent)" parent
		expect 0 "$(look "$file" 'sum(sites.inherited_objects)')"
		continue
	fi
	expect '500 50000 1000 500' "$(row rows keep_in_parent)" child
	expect '3000 3000000 3000 0' "$(row rows keep_in_child)" child
	# Marked as the parent's are those, and not the child's own.
	expect '[[500]] [0]' "$(look "$file" '[[sites.inherited_objects[i]] for
		i in range(len(sites.flags)) if sites.live_bytes[i] == 50000]' \
		'[sites.inherited_objects[i] for i in range(len(sites.flags)) if
		sites.live_bytes[i] == 3000000]' | xargs | sed 's/, /,/g')"
done
