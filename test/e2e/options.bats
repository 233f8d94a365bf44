# What the options of LEAKSHIM make of a snapshot.

load helpers

setup_file() {
	build_host steps
	# The same with frame pointers.
	build_host steps -o "$BATS_FILE_TMPDIR/frames" -fno-omit-frame-pointer \
		-fno-optimize-sibling-calls
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	end_hosts
}

@test "sample=64K estimates, and says so" {
	tracked out=%n.snap,on=exit,sample=64K,seed=1 "$steps" \
		leak:20000x1000 churn:20000x1000
	[ "$(look 1.snap header.sample_bytes)" -eq 65536 ]
	set -- $(held 1.snap leak_here)
	# Some 305 samples: five times their standard deviation is 29 %.
	[ "$1" -ge 14200 ]
	[ "$1" -le 25800 ]
	[ "$2" -ge 14200000 ]
	[ "$2" -le 25800000 ]
	"$LEAKDIFF" 1.snap >text
	grep -q 'amounts are estimates' text
}

@test "only= tracks the programs it names and leaves others alone" {
	tracked 'out=%n.snap,on=exit,only=st?p*' "$steps" leak:1x1
	[ -e 1.snap ]
	rm 1.snap
	run tracked 'out=%n.snap,on=exit,only=other' "$steps" leak:1x1 exit:9
	[ "$status" -eq 9 ]
	[ "$output" = '' ]
	[ ! -e 1.snap ]
	# The signal is as without us.
	run tracked 'out=%n.snap,only=other' "$steps" kill:12
	[ "$status" -eq 140 ]
}

@test "follow=none tracks neither forked nor executed programs" {
	run tracked out=%n.snap,on=exit "$steps" fork slow:3000x1024 exit:5
	[ "$status" -eq 5 ]
	[ -e 2.snap ]
	rm ./*.snap
	run tracked out=%n.snap,on=exit,follow=none "$steps" \
		fork slow:3000x1024 exit:5
	[ "$status" -eq 5 ]
	[ "$(ls ./*.snap)" = ./1.snap ]
	rm ./*.snap
	track out=%n.snap,on=exit,follow=none "$steps" exec leak:3000x1024
	ends_with 0 $pid
	[ ! -e 1.snap ]
}

@test "depth=4 records the innermost four frames" {
	tracked out=%n.snap,on=exit,depth=4 "$steps" deep:20
	"$LEAKDIFF" 1.snap --csv --no-inlines -o csv
	grep '^heap,leak_deep,77,1,' csv
	grep -q ',leak_deep;leak_deep;leak_deep;leak_deep;\[truncated\]$' csv
	[ "$(look 1.snap header.depth)" -eq 4 ]
	[ "$(look 1.snap 'max(len(stack(i)) for i in range(len(nodes)))')" \
		-eq 4 ]
	[ "$(look 1.snap losses.truncated_stacks)" -ge 1 ]
}

@test "a stack is whole by default" {
	tracked out=%n.snap,on=exit "$steps" deep:20
	"$LEAKDIFF" 1.snap --csv --no-inlines -o csv
	deep=$(printf 'leak_deep;%.0s' $(seq 21))
	grep -q ",${deep}main;" csv
	[ "$(look 1.snap losses.truncated_stacks)" -eq 0 ]
}

@test "keep=3 keeps the first and the last" {
	track out=%n.snap,keep=3 "$steps" touch:ready pause
	wait_for_file ready
	for i in 1 2 3 4 5 6; do
		"$LEAKSHIM_BIN" snapshot $pid
	done
	[ "$(ls ./*.snap | wc -l)" -eq 3 ]
	[ -e 1.snap ]
	[ -e 6.snap ]
	[ "$(look 6.snap header.sequence losses.snapshots_removed)" = \
		"$(printf '6\n2')" ] # the third goes after this one is written
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/7.snap" ]
	[ "$(look 7.snap losses.snapshots_removed)" -eq 3 ]
}

@test "out= puts name, pid, number, time and host into the file's name" {
	track 'out=s-%e-%p-%n-%t-%h-%%' "$steps" touch:ready pause
	wait_for_file ready
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	[ -e "$path" ]
	[[ $path == "$PWD/s-steps-$pid-1-"*"-$(uname -n)-%" ]]
	[[ $path =~ -1-[0-9]{8}T[0-9]{6}Z- ]]
}

@test "without out= it has its default name, in the start directory" {
	track '' "$steps" touch:ready pause
	wait_for_file ready
	kill -USR2 $pid
	wait_for_file "leakshim.steps.$pid.1.snap"
}

@test "signal=RTMIN+2 is asked by that signal" {
	track out=%n.snap,signal=RTMIN+2 "$steps" touch:ready pause
	wait_for_file ready
	kill -s RTMIN+2 $pid
	wait_for_file 1.snap
	[ "$(look 1.snap header.trigger)" = TRIGGER_SIGNAL ]
	# SIGUSR2 is nobody's then.
	kill -USR2 $pid
	ends_with 140 $pid
}

@test "signal=none leaves SIGUSR2 alone, and the bell works" {
	track out=%n.snap,signal=none "$steps" touch:ready pause
	wait_for_file ready
	[ "$(status_of $pid signal)" -eq 0 ]
	[ -e "$("$LEAKSHIM_BIN" snapshot $pid)" ]
	kill -USR2 $pid
	ends_with 140 $pid
}

@test "bad options are told once and the rest holds" {
	run tracked \
		'out=%n.snap,dpeth=3,depth=900,sample=lots,on=exit,keep' \
		"$steps" leak:3x10 exit:6
	[ "$status" -eq 6 ]
	[ "$(grep -c "unknown option 'dpeth'" <<<"$output")" -eq 1 ]
	[ "$(grep -c "bad value '900' of depth" <<<"$output")" -eq 1 ]
	[ "$(grep -c "bad value 'lots' of sample" <<<"$output")" -eq 1 ]
	[ "$(grep -c "option 'keep' has no value" <<<"$output")" -eq 1 ]
	[ "$(wc -l <<<"$output")" -eq 4 ]
	[ "$(held 1.snap leak_here)" = '3 30' ]
	[ "$(look 1.snap header.sample_bytes header.depth)" = \
		"$(printf '1\n64')" ]
}

# stacks_of BACKEND: the frames of the program's own functions in a deep stack.
stacks_of() {
	rm -f 1.snap
	tracked "out=%n.snap,on=exit,unwind=$1" "$BATS_FILE_TMPDIR/frames" \
		deep:20
	[ "$(look 1.snap header.unwind)" = "$1" ]
	"$LEAKDIFF" 1.snap --csv --no-inlines -o csv
	sed -n 's/^heap,leak_deep,.*,\(leak_deep;.*;main\);.*/\1/p' csv
}

@test "every unwinder finds the same callers" {
	cfi=$(stacks_of cfi)
	[ "$(tr ';' '\n' <<<"$cfi" | wc -l)" -eq 24 ]
	[ "$(stacks_of fp)" = "$cfi" ]
	[ "$(stacks_of libunwind)" = "$cfi" ]
}

@test "an unwinder that does not exist is told and cfi is used" {
	run tracked out=%n.snap,on=exit,unwind=magic "$steps" deep:3
	[ "$status" -eq 0 ]
	[[ $output == *"bad value 'magic' of unwind"* ]]
	[ "$(look 1.snap header.unwind)" = cfi ]
}

@test "ledger=deep asks the kernel and the allocator" {
	tracked out=%n.snap,on=exit "$steps" leak:1000x1000
	[ "$(look 1.snap 'ledger.deep is None')" = True ]
	track out=%n.snap,ledger=deep "$steps" threads:1 leak:1000x1000 \
		touch:ready pause
	wait_for_file ready
	"$LEAKSHIM_BIN" snapshot $pid
	[ "$(look 2.snap 'ledger.deep.uss_bytes > 0' \
		'ledger.deep.pss_bytes >= ledger.deep.uss_bytes' \
		'ledger.deep.malloc_used_bytes >= 1000000' | xargs)" = \
		'True True True' ]
}

@test "log= takes the messages after the start" {
	mkdir there
	track "out=$PWD/there/%p.%n,log=messages" "$steps" touch:ready pause
	wait_for_file ready
	[ ! -e messages ]
	rmdir there
	path=$("$LEAKSHIM_BIN" snapshot $pid)
	rm "$path"
	grep -qx "leakshim: cannot write in '$PWD/there': no such directory" \
		messages
	[ ! -s host.err ]
}

@test "log= that can not be written is told at the start" {
	LD_PRELOAD=$SHIM LEAKSHIM=log=/nonexistent/messages "$steps" 2>err
	[ "$(cat err)" = 'leakshim: log=/nonexistent/messages cannot be written: messages are in leakshim status only' ]
	run "$LEAKSHIM_BIN" run --log /nonexistent/messages -- "$steps"
	[ $status -eq 125 ]
}

@test "memory= is a cap: beyond it one block of several is kept, and told" {
	tracked out=%n.snap,on=exit,memory=8M "$steps" leak:1000000x16
	[ "$(look 1.snap losses.thinning_shift)" -ge 1 ]
	[ "$(look 1.snap losses.dropped_allocs)" -eq 0 ]
	# The writer's own rooms come on top of the tables.
	[ "$(look 1.snap trailer.shim_mapped_bytes)" -le $((12 << 20)) ]
	set -- $(held 1.snap leak_here)
	[ "$1" -ge 900000 ]
	[ "$1" -le 1100000 ]
	"$LEAKDIFF" 1.snap >text
	grep -q 'the memory cap was met' text
}
