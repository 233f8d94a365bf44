# 200 marks of four threads at once: each is in the snapshot once, in the order
# of its thread, or is counted as lost, which takes a thread that was held up
# with the list in its hands.
set -eu
[ "$("$PROG")" = 0 ]
[ "$(LD_PRELOAD=$SHIM LEAKSHIM="out=$WORK/at.exit,on=exit" "$PROG")" = 200 ]
"$LEAKDIFF" --no-symbols --json at.exit >json
grep -o '"text":"[a-d] [0-9]*"' json | sed 's/"text":"\(.*\)"/\1/' >marks
lost=$(grep -o '"marks_lost":[0-9]*' json | cut -d: -f2)
echo "$(wc -l <marks) kept, $lost lost"
[ $(($(wc -l <marks) + lost)) -eq 200 ]
[ -z "$(sort marks | uniq -d)" ]
for name in a b c d; do
	grep "^$name " marks | cut -d' ' -f2 >order
	[ "$(sort -n order)" = "$(cat order)" ]
done
