# on=grow:4M over 64 MiB: a snapshot about every 4 MiB, be it of 32 blocks or
# of 65,536. Steps of 2 MiB come between looks, so at least every 8 MiB.
set -eu
for blocks in '32 2097152' '640 104857' '65536 1024'; do
	rm -f ./*.snap
	LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/%n.snap,on=grow:4M" "$PROG" $blocks
	seen=$(ls ./*.snap | wc -l)
	echo "$blocks: $seen snapshots"
	[ "$seen" -ge 7 ]
	[ "$seen" -le 16 ]
done
