# Two users, of whom one means ill: what the shim writes as one, what the
# companion believes as the other. Links, pipes and directories in the way,
# status files that lie, rights that are another's.

bats_require_minimum_version 1.5.0
load helpers

OTHER=1 # daemon

setup_file() {
	build_host steps
	# A root with a /tmp of its own, where names are taken.
	image=$BATS_FILE_TMPDIR/image
	local file
	mkdir -p "$image"/{mnt,proc,tmp,out,run,etc}
	chmod 1777 "$image/tmp" "$image/out"
	for file in $(ldd "$BATS_FILE_TMPDIR/steps" "$SHIM" |
		grep -o '/[^ :]*' | sort -u); do
		[ "$file" != "$SHIM" ] && [ "${file##*/}" != steps ] || continue
		mkdir -p "$image${file%/*}"
		cp -L "$file" "$image$file"
	done
	cp "$SHIM" "$BATS_FILE_TMPDIR/steps" "$image/mnt"
	chmod -R a+rX "$image"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	need_root 'takes two users'
	open_test_directory
	steps=$BATS_FILE_TMPDIR/steps
}

teardown() {
	end_hosts
}

# For `start`, which wants a command.
nobody=(setpriv --reuid $NOBODY --regid $NOBODY --clear-groups)

as_user() {
	local uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# tracked_in_root OPTIONS STEP...
tracked_in_root() {
	local options=$1
	shift
	[ -d root ] || cp -a "$BATS_FILE_TMPDIR/image" root
	# The shim is for the last program of the row alone.
	start host unshare -m sh -c 'mount -t proc none root/proc &&
		exec $0 -Ic "
import os, sys
os.chroot(\"root\")
os.chdir(\"/\")
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
os.execve(\"/mnt/steps\", [\"steps\"] + sys.argv[3:],
          {\"LD_PRELOAD\": \"/mnt/libleakshim.so\",
           \"LEAKSHIM\": sys.argv[2]})" "$@"' $PYTHON $NOBODY \
		"$options" "$@" touch:/out/ready pause
	wait_for_file root/out/ready
}

# The status file of $pid, which lives in our own root.
status_file() {
	local file=/run/user/$1/leakshim
	[ -d "$file" ] || file=/tmp/leakshim-$1
	echo "$file/$(stat -Lc %i /proc/self/ns/pid)-$pid"
}

# --- secure-exec ---------------------------------------------------------------

# preloaded_by_system: the program, told everything that writes, by its caller.
preloaded_by_system() {
	rm -rf root/out/* root/tmp/*
	chroot --userspec=$OTHER:$OTHER root /usr/bin/env -i \
		LEAKSHIM="out=/out/%e.%n.snap,log=/out/log,on=exit,keep=0" \
		/mnt/steps leak:3x10 touch:/out/ran exit:4 >out 2>err ||
		[ $? -eq 4 ]
	[ -e root/out/ran ]
}

@test "a program with another's rights is untouched even where the system preloads us" {
	local file
	cp -a "$BATS_FILE_TMPDIR/image" root
	echo /mnt/libleakshim.so >root/etc/ld.so.preload
	for file in /usr/bin/env $(ldd /usr/bin/env | grep -o '/[^ :]*'); do
		mkdir -p "root${file%/*}"
		cp -L "$file" "root$file"
	done
	# So we are loaded.
	preloaded_by_system
	[ -e root/out/steps.1.snap ]
	grep -q 'keep' err
	chown $NOBODY root/mnt/steps
	chmod 4755 root/mnt/steps
	preloaded_by_system
	[ "$(stat -c %u root/out/ran)" = $NOBODY ] ||
		skip 'set-user-ID has no effect here'
	# One that is no more than its caller, env, is tracked as before.
	[ "$(ls root/out | grep -v '^env\.' | xargs)" = ran ] ||
		[ "$(ls root/out | grep -v '^env\.' | xargs)" = 'log ran' ]
	[ ! -e root/out/steps.1.snap ]
	[ ! -e root/tmp/leakshim-$NOBODY ]
	[ "$(find root -user $NOBODY -newer root/etc/ld.so.preload \
		-not -name steps | xargs)" = root/out/ran ]
}

# --- names that are taken ---------------------------------------------------------

# Names in /tmp/leakshim-UID's place that another user made first.
@test "a directory of status files that is another's is not used, and told" {
	local trap
	for trap in another wide link file fifo; do
		rm -rf root
		cp -a "$BATS_FILE_TMPDIR/image" root
		mkdir -m 777 root/tmp/away
		local name=root/tmp/leakshim-$NOBODY
		case $trap in
		another)
			mkdir -m 700 $name
			chown $OTHER $name
			;;
		wide)
			mkdir -m 777 $name
			chown $NOBODY $name
			chmod 777 $name
			;;
		link) ln -s away $name ;;
		file) as_user $OTHER sh -c "umask 0; : >$name" ;;
		fifo) as_user $OTHER mkfifo -m 666 $name ;;
		esac
		before=$(stat -c '%F %u %a' $name)
		tracked_in_root out=/out/%n.snap,log=/out/log leak:3x10
		grep -q 'status file cannot be written' root/out/log
		run timeout 30 "$LEAKSHIM_BIN" snapshot $pid
		echo "$trap: $output"
		[ "$status" -eq 3 ]
		case $trap in
		another | wide) [[ $output == *'is not trusted'* ]] ;;
		*) ;;
		esac
		# By signal it is as ever.
		signal_snapshot $pid root/out/1.snap
		[ "$(held root/out/1.snap leak_here)" = '3 30' ]
		# Nobody else's name was written to, through or over.
		[ "$(stat -c '%F %u %a' $name)" = "$before" ]
		[ -z "$(ls root/tmp/away)" ]
		[ ! -d $name ] || [ -z "$(ls $name)" ]
		kill $pid
		wait_for_end $pid
		unset -v before
	done
}

@test "names taken in a shared directory are written neither through nor over" {
	cp -a "$BATS_FILE_TMPDIR/image" root
	# What could be hurt: files that only the program's user may write to.
	mkdir -m 755 root/home
	chown $NOBODY root/home
	as_user $NOBODY sh -c 'umask 077; echo mine >root/home/victim'
	ln -s /home/victim root/out/1.snap
	ln -s /home/new root/out/2.snap
	ln root/home/victim root/out/3.snap
	as_user $OTHER mkfifo -m 666 root/out/4.snap
	as_user $OTHER mkdir root/out/5.snap
	tracked_in_root out=/out/%n.snap leak:3x10
	local inner i
	inner=$(sed -n 's/^NSpid:.*\s//p' "/proc/$pid/status")
	as_user $OTHER ln -s /home/victim "root/out/.leakshim.$inner.0.tmp"
	as_user $OTHER ln -s /home/new "root/out/.leakshim.$inner.1.tmp"
	ln root/home/victim "root/out/.leakshim.$inner.2.tmp"
	as_user $OTHER mkfifo -m 666 "root/out/.leakshim.$inner.3.tmp"
	as_user $OTHER mkdir "root/out/.leakshim.$inner.4.tmp"
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "/proc/$pid/root/out/6.snap" ]
	[ "$(stat -c '%F %u %a %h' root/out/6.snap)" = \
		"regular file $NOBODY 600 1" ]
	# All that it tries are taken: then it goes where it is alone.
	for i in {5..63}; do
		as_user $OTHER ln -s /home/new "root/out/.leakshim.$inner.$i.tmp"
	done
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = \
		"/proc/$pid/root/tmp/leakshim-$NOBODY/7.snap" ]
	[[ $(status_of $pid out_note) == *'every name tried is taken' ]]
	[ "$(cat root/home/victim)" = mine ]
	[ ! -e root/home/new ]
	[ "$(ls root/home)" = victim ]
}

@test "a log with a second name is not written to, a pipe without a reader not waited for" {
	echo mine >victim
	ln victim log
	# Only what comes after the start goes to the log.
	mkdir out
	track "out=$PWD/out/%n.snap,log=$PWD/log" "$steps" touch:ready pause
	wait_for_file ready
	rmdir out
	"$LEAKSHIM_BIN" snapshot $pid
	[ "$(cat victim)" = mine ]
	# The same with a name of its own.
	rm log
	mkdir out
	"$LEAKSHIM_BIN" snapshot $pid
	rmdir out || rm -r out
	"$LEAKSHIM_BIN" snapshot $pid
	grep -q 'cannot write in' log
	rm log
	mkfifo log
	mkdir out
	"$LEAKSHIM_BIN" snapshot $pid
	rm -r out
	timeout 20 "$LEAKSHIM_BIN" snapshot $pid
	kill -0 $pid
	rm -f /tmp/leakshim-0/{1,2,3,4,5}.snap
}

@test "a host's name is no path" {
	unshare -u true 2>/dev/null || skip 'no namespace of host names here'
	mkdir -p a/b
	cd a/b
	unshare -u $PYTHON -Ic '
import os, socket, sys
socket.sethostname("../../evil%n;")
os.execve(sys.argv[1], ["steps", "leak:1x1"],
          {"LD_PRELOAD": sys.argv[2], "LEAKSHIM": "out=%h.%n,on=exit"})' \
		"$steps" "$SHIM"
	[ "$(ls -A)" = '.._.._evil%n;.1' ]
	[ "$(ls -A ../..  | grep -c evil)" = 0 ]
}

# --- a target that lies --------------------------------------------------------------

# Everything that reads it, as root: each ends by itself, and with a status of
# its own.
read_by_all() {
	local verb
	for verb in 'status --no-refresh' 'snapshot --timeout 1' list \
		'monitor -n 1' doctor 'mark --timeout 1' 'dump --timeout 1'; do
		run timeout -k 5 30 "$LEAKSHIM_BIN" $verb \
			$([ "$verb" = list ] || echo $pid) \
			$([ "${verb%% *}" != mark ] || echo text)
		echo "$1, $verb: $status $output"
		[ "$status" -le 5 ]
		[[ $output != *$'\033'* ]]
	done
	kill -0 $pid
}

@test "whatever lies in a status file's place, readers end and the program goes on" {
	local file
	mkdir -m 777 out
	start host "${nobody[@]}" env LD_PRELOAD="$SHIM" \
		LEAKSHIM="out=$PWD/out/%n.snap" "$steps" "touch:$PWD/out/up" \
		pause
	wait_for_file out/up
	file=$(status_file $NOBODY)
	wait_for_file "$file"
	cp -p "$file" good
	again() {
		rm -rf "$file"
		cp -p good "$file"
	}

	head -c 100000 /dev/zero | tr '\0' x >"$file"
	read_by_all large
	truncate -s 1T "$file"
	read_by_all 'a terabyte'
	rm "$file"
	as_user $NOBODY mkfifo -m 600 "$file"
	read_by_all fifo
	rm "$file"
	as_user $NOBODY mkdir -m 700 "$file"
	read_by_all directory
	rmdir "$file"
	as_user $NOBODY ln -s /etc/shadow "$file"
	read_by_all link
	refute grep -q root: <<<"$output"
	rm "$file"
	as_user $NOBODY ln -s /dev/zero "$file"
	read_by_all device
	rm "$file"
	as_user $NOBODY sh -c "umask 077; head -c 60000 /dev/urandom >$file"
	read_by_all noise
	again
	chmod 644 "$file"
	read_by_all 'open to others'
	again
	chown $OTHER "$file"
	read_by_all "another's"
	again
	# What it says is untrue: signals that kill, threads of others.
	sed -i 's/^bell=.*/bell=9/' "$file"
	read_by_all 'bell 9'
	again
	sed -i "s/^helper=.*/helper=1/" "$file"
	read_by_all "another's helper"
	again
	sed -i 's/^bell=.*/bell=18446744073709551615/' "$file"
	read_by_all 'no signal'
	again
	printf 'message=%%1B]0;x%%07\nloss.\033[31m=1\n' >>"$file"
	read_by_all 'a terminal'
	again
	# The program puts its own in the place of each of these.
	for what in fifo link; do
		rm "$file"
		case $what in
		fifo) as_user $NOBODY mkfifo -m 600 "$file" ;;
		link) as_user $NOBODY ln -s "$PWD/good" "$file" ;;
		esac
		before=$(cksum <good)
		kill -USR2 $pid
		wait_until 10 test -f "$file" -a ! -L "$file"
		[ "$(cksum <good)" = "$before" ]
	done
	"$LEAKSHIM_BIN" status $pid >out.status
	grep -q '^lost  *nothing' out.status
}

@test "files that change while they are read harm neither side" {
	local file i changer
	start host "${nobody[@]}" env LD_PRELOAD="$SHIM" LEAKSHIM=out=/nowhere/x \
		"$steps" sleep:1 pause
	file=$(status_file $NOBODY)
	wait_for_file "$file"
	cp -p "$file" good
	start changer "${nobody[@]}" $PYTHON -Ic '
import os, random, sys, time
path, good = sys.argv[1], open(sys.argv[2], "rb").read()
random.seed(1)
while True:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(fd, random.choice((0, 10, len(good) // 2, len(good))))
        os.pwrite(fd, good, 0)
        os.ftruncate(fd, random.choice((len(good), len(good) - 1, 100000)))
        os.close(fd)
    except OSError:
        pass
    time.sleep(0.0005)' "$file" /dev/stdin <good
	changer=$pid
	pid=$(head -n 1 processes | cut -d' ' -f1)
	for i in {1..40}; do
		run timeout -k 5 30 "$LEAKSHIM_BIN" status --no-refresh $pid
		[ "$status" -eq 0 ] || [ "$status" -eq 3 ]
	done
	# The program's turn: it writes its own meanwhile.
	for i in {1..20}; do
		kill -USR2 $pid
		sleep 0.02
	done
	kill -0 $pid
	kill $changer
	wait_for_end $changer
	kill -USR2 $pid
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh $pid
	rm -f /tmp/leakshim-$NOBODY/x*
}

@test "requests that change while they are read are taken whole or not at all" {
	local file i
	track "out=$PWD/%n.snap" "$steps" "touch:$PWD/up" pause
	wait_for_file up
	file=$(status_file 0)
	wait_for_file "$file"
	for i in {1..30}; do
		$PYTHON -Ic '
import os, sys, threading
path = sys.argv[1]
good = b"leakshim-request 1\nmark=" + b"a" * 200 + b"\n"
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
for _ in range(400):
    os.pwrite(fd, good, 0)
    os.ftruncate(fd, 30)
    os.ftruncate(fd, 5000)
    os.ftruncate(fd, len(good))' "$file.$i" &
		$PYTHON -IB "$TOP/test/e2e/ring_bell.py" $pid 5 $i
		wait $! || [ $? -ne 0 ]
	done
	kill -0 $pid
	"$LEAKSHIM_BIN" snapshot $pid
	# Each mark is one that stood there at one moment: by its length.
	[ "$(look 1.snap 'all(set(mark.text) <= set(b"a") and
		len(mark.text) in (5, 6, 200) for mark in marks)')" = True ]
	rm -f "$file".[0-9]*
}

@test "a request of another user is left alone" {
	local file
	track "out=$PWD/%n.snap" "$steps" "touch:$PWD/up" pause
	wait_for_file up
	file=$(status_file 0)
	wait_for_file "$file"
	(umask 077 && printf 'leakshim-request 1\nmark=hostile\n' >"$file.7")
	chown $OTHER "$file.7"
	$PYTHON -IB "$TOP/test/e2e/ring_bell.py" $pid 5 7
	[ -e "$file.7" ]
	chown 0 "$file.7"
	$PYTHON -IB "$TOP/test/e2e/ring_bell.py" $pid 5 7
	[ ! -e "$file.7" ]
	"$LEAKSHIM_BIN" snapshot $pid
	[ "$(look 1.snap '[mark.text for mark in marks]')" = "[b'hostile']" ]
}

@test "what another user's process calls its file is not handed to a shell as an option" {
	mkdir -m 777 'dir -o x'
	start host "${nobody[@]}" env LD_PRELOAD="$SHIM" \
		LEAKSHIM="out=$PWD/dir -o x/%n.snap" "$steps" \
		"touch:$PWD/dir -o x/up" pause
	wait_for_file 'dir -o x/up'
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh $pid
	run -5 "$LEAKSHIM_BIN" snapshot $pid
	[[ $output == *'which is not to be trusted'* ]]
	run -5 "$LEAKSHIM_BIN" dump $pid
	[[ $output == *'which is not to be trusted'* ]]
	# Its own user is its own.
	[ "$(as_user $NOBODY "$LEAKSHIM_BIN" snapshot $pid)" = \
		"$PWD/dir -o x/2.snap" ]
}

# --- rights that change -----------------------------------------------------------------

@test "serve gives out no file of root in the row of another user's process" {
	mkdir -m 0700 secret
	echo key >secret/id_ed25519
	start host "${nobody[@]}" env LD_PRELOAD="$SHIM" \
		LEAKSHIM=out="$PWD/secret/id_ed%n" "$steps" pause
	host=$pid
	is_tracked() {
		"$LEAKSHIM_BIN" status $host >/dev/null 2>&1
	}
	wait_until 20 is_tracked
	start serve "$LEAKSHIM_BIN" serve --listen "unix:$PWD/socket" $host
	wait_until 20 test -S socket
	get() {
		curl -s --unix-socket socket -o answer -w '%{http_code}' \
			"http://localhost$1"
	}
	[ "$(get /debug/snapshots/)" = 200 ]
	! grep 25519 answer
	[ "$(get /debug/snapshots/25519)" = 404 ]
	! grep key answer
}

@test "one that may not be dumped is asked by its user and by root" {
	mkdir -m 777 out
	start host "${nobody[@]}" env LD_PRELOAD="$SHIM" \
		LEAKSHIM="out=$PWD/out/%n.snap" "$steps" leak:5x10 undumpable \
		"touch:$PWD/out/up" pause
	wait_for_file out/up
	[ "$(stat -c %u "/proc/$pid/maps")" = 0 ]
	[ "$("$LEAKSHIM_BIN" snapshot $pid)" = "$PWD/out/1.snap" ]
	[ "$(as_user $NOBODY "$LEAKSHIM_BIN" snapshot $pid)" = \
		"$PWD/out/2.snap" ]
	as_user $NOBODY "$LEAKSHIM_BIN" mark $pid noted
	as_user $NOBODY "$LEAKSHIM_BIN" dump $pid
	[ "$(held out/2.snap leak_here)" = '5 50' ]
}

@test "a umask that closes everything closes nothing to its owner" {
	mkdir -m 777 out
	# The directory of status files is made under it as well, unless others
	# have files there.
	rmdir /tmp/leakshim-$NOBODY 2>/dev/null || [ $? = 1 ]
	start host "${nobody[@]}" bash -c 'umask 777; LD_PRELOAD=$1 \
		LEAKSHIM=$2 exec "$3" leak:3x10 pause' bash "$SHIM" \
		"out=$PWD/out/%n.snap" "$steps"
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh $pid
	[ "$(stat -c '%u %a' "$(status_file $NOBODY)")" = "$NOBODY 600" ]
	(
		umask 777
		as_user $NOBODY "$LEAKSHIM_BIN" mark $pid 'of its user'
		"$LEAKSHIM_BIN" mark $pid 'of root'
		as_user $NOBODY "$LEAKSHIM_BIN" snapshot $pid
		"$LEAKSHIM_BIN" dump -o dump $pid
	)
	[ "$(stat -c '%u %a' out/1.snap)" = "$NOBODY 600" ]
	[ "$(stat -c '%u %a' dump)" = '0 600' ]
	[ "$(look out/1.snap '[mark.text for mark in marks]')" = \
		"[b'of its user', b'of root']" ]
	"$LEAKDIFF" dump dump >out.dump
	grep -q leak_here out.dump
}

# --- filters ---------------------------------------------------------------------------

@test "every system call of the shim is one that filters are asked about" {
	# But those of the constructor alone, before a program can install one.
	local call missing=
	for call in $(grep -ho 'SYS_[a-z0-9_]*' "$TOP"/preload/*.c |
		sed 's/SYS_//' | sort -u); do
		grep -qE "(PLAIN\($call,|\{ SYS_$call,)" \
			"$TOP/preload/sandbox.c" ||
			missing="$missing $call"
	done
	[ "$missing" = ' getcwd getrandom seccomp uname' ]
}
