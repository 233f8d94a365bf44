# make install: what lands where, and the three lines that open the manual.

setup() {
	cd "$TOP"
	root=$BATS_TEST_TMPDIR/root
	# make's own variables of an outer make are not for this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
	app=
	installed=
}

teardown() {
	# It may have ended by itself.
	[ -z "$app" ] || kill "$app" 2>/dev/null || [ $? = 1 ]
	[ -z "$installed" ] || make -s -C "$TOP" BUILD="$BUILD" uninstall
}

install_into() {
	make -s BUILD="$BUILD" install "$@"
}

# start_app COMMAND...: the server of test/demo; tells its pid and port.
start_app() {
	cp "$BUILD/test/demo/demo_server" app
	rm -f port
	"$@" >port 3>&- &
	app=$!
	until grep -qs port port; do
		kill -0 $app
		sleep 0.05
	done
	port=$(sed 's/port //' port)
}

request() {
	exec 9<>"/dev/tcp/127.0.0.1/$port"
	echo "$1" >&9
	cat <&9 >/dev/null
	exec 9>&-
}

# More than the pages that it caches, so that only the leak grows afterwards.
requests() {
	for i in {1..20}; do request "get user$i"; done
}

end_app() {
	request quit
	wait $app
	app=
}

await() {
	for i in $(seq 200); do
		[ ! -e "$1" ] || return 0
		sleep 0.05
	done
	echo "$1 did not come"
	return 1
}

@test "install and uninstall leave nothing behind in a staging directory" {
	install_into DESTDIR="$root" PREFIX=/opt/x
	[ -x "$root/opt/x/bin/leakdiff" ]
	[ -x "$root/opt/x/bin/leakshim" ]
	[ -f "$root/opt/x/lib/libleakshim.so" ]
	[ -f "$root/opt/x/share/man/man1/leakdiff.1" ]
	[ -f "$root/opt/x/share/man/man1/leakshim.1" ]
	[ -f "$root/opt/x/share/man/man7/leakshim.7" ]
	[ -f "$root/opt/x/share/doc/leakshim/LICENSE" ]
	make -s BUILD="$BUILD" uninstall DESTDIR="$root" PREFIX=/opt/x
	[ -z "$(find "$root" -type f)" ]
}

@test "what is installed works from where it is" {
	install_into DESTDIR="$root" PREFIX=/usr
	cd "$BATS_TEST_TMPDIR"
	# leakshim finds the shim beside itself, not the build's.
	start_app "$root/usr/bin/leakshim" run -- ./app
	grep "$root/usr/lib/libleakshim.so" /proc/$(pgrep -P $app app ||
		echo $app)/maps
	end_app
}

@test "after make install the three opening lines work word for word" {
	[ "$(id -u)" = 0 ] || skip 'needs root to install into /usr/local'
	if [ -e /usr/local/lib/libleakshim.so ]; then
		skip 'leakshim is in /usr/local already: not replaced'
	fi
	PATH=$(echo ":$PATH:" | sed "s,:$BUILD:,:,; s,^:,,; s,:\$,,")
	installed=1
	make -s BUILD="$BUILD" install
	cd "$BATS_TEST_TMPDIR"
	[ "$(command -v leakdiff)" = /usr/local/bin/leakdiff ]
	[ "$(command -v leakshim)" = /usr/local/bin/leakshim ]

	# The default name, and a short one for the third line.
	start_app env LD_PRELOAD=libleakshim.so ./app
	PID=$app
	kill -USR2 $PID
	await "leakshim.app.$PID.1.snap"
	end_app

	export LEAKSHIM=out=snap%n
	start_app env LD_PRELOAD=libleakshim.so ./app
	PID=$app
	requests
	kill -USR2 $PID
	await snap1
	requests
	leakshim snapshot $PID
	end_app
	leakdiff snap1 snap2 --csv >after
	leakdiff --csv snap1 snap2 >before
	cmp before after
	sed -n 2p after | grep ^heap,session_remember,
	leakdiff snap1 snap2 --pprof | gzip -t

	rm snap1
	start_app leakshim run -- ./app
	kill -USR2 "$(pgrep -P $app app || echo $app)"
	await snap1
	end_app

	make -s -C "$TOP" BUILD="$BUILD" uninstall
	installed=
	[ ! -e /usr/local/lib/libleakshim.so ]
	[ ! -e /usr/local/bin/leakdiff ]
}
