# Debian's nginx as it is run: a daemon, its master root, its workers www-data.
# SIGUSR2 is nginx's own (binary upgrade), and its idle master never allocates.

load programs

setup() {
	[ "$(id -u)" = 0 ] ||
		skip 'needs root: workers that drop their privileges'
	# Not below bats' directory, which is closed to www-data.
	dir=$(mktemp -d /tmp/leakshim-nginx.XXXXXX)
	chmod 755 "$dir"
	mkdir "$dir/snaps"
	chmod 1777 "$dir/snaps"
	cd "$dir"
	port=$(free_port)
	# An upgraded binary gets no environment but what is named here.
	cat >nginx.conf <<-CONF
		user www-data;
		worker_processes 2;
		pid $dir/nginx.pid;
		error_log $dir/error.log notice;
		env LD_PRELOAD;
		env LEAKSHIM;
		events { worker_connections 64; }
		http {
			access_log off;
			client_body_temp_path $dir/body;
			proxy_temp_path $dir/proxy;
			fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi;
			scgi_temp_path $dir/scgi;
			server {
				listen 127.0.0.1:$port;
				location / { return 200 "hello\n"; }
			}
		}
	CONF
}

teardown() {
	[ -z "${dir:-}" ] || touch "$dir/stop"
	end_processes
	[ -z "${dir:-}" ] || rm -rf "$dir"
}

# start_nginx [OPTIONS]: sets master and workers.
start_nginx() {
	tracked "out=$dir/snaps/%p.%n${1:+,$1}" /usr/sbin/nginx \
		-p "$dir" -c "$dir/nginx.conf" </dev/null >"$dir/said" 2>&1
	[ ! -s said ]
	wait_until 10 test -s nginx.pid
	look_at_master
}

look_at_master() {
	master=$(cat nginx.pid)
	adopt $master
	wait_until 10 has_workers
	adopt $workers
}

# By their user: a master has other children, such as its successor.
has_workers() {
	workers=$(pgrep -P "$master" -u www-data || [ $? = 1 ])
	[ "$(echo $workers | wc -w)" = 2 ]
}

request() {
	curl -sS --noproxy '*' -m 5 "http://127.0.0.1:$port/"
}

# Requests all along, until the test's end or `all_were_served`.
start_requests() {
	wait_until 10 eval '[ "$(request)" = hello ]'
	start requests bash -c 'served=0
	until [ -e stop ]; do
		answer=$(curl -sS --noproxy "*" -m 5 "$1") || exit 1
		[ "$answer" = hello ] || exit 2
		served=$((served + 1))
	done
	echo $served' - "http://127.0.0.1:$port/"
	requests=$pid
}

all_were_served() {
	touch stop
	ends_with 0 $requests
	[ "$(cat "$BATS_TEST_TMPDIR/requests.out")" -gt 5 ]
}

quit() {
	kill -QUIT "$1"
	wait_for_end "$1"
}

# Neither a crash nor anything else that nginx would tell an operator.
nothing_went_wrong() {
	refute grep -E '\[(warn|error|crit|alert|emerg)\]|exited on signal' \
		error.log
}

# bell_answers PID NUMBER USER
bell_answers() {
	wait_until 10 "$LEAKSHIM_BIN" status --no-refresh "$1" >/dev/null
	bell_snapshot "$1"
	[ "$snapshot" = "$dir/snaps/$1.$2" ]
	[ "$(stat -c %U:%a "$snapshot")" = "$3:600" ]
	report "$snapshot"
	# nginx's pools, by nginx's names.
	holds "named(heap, 'ngx_\w+')" "total(heap, 'live_bytes_new') > 50000"
	lost_nothing "$snapshot"
}

@test "nginx's idle master and its workers give snapshots by the bell" {
	start_nginx
	[ "$(request)" = hello ]
	bell_answers $master 1 root
	for worker in $workers; do
		bell_answers $worker 1 www-data
		bell_answers $worker 2 www-data
	done
	bell_answers $master 2 root
	[ "$(request)" = hello ]
	quit $master
	[ ! -e nginx.pid ]
	nothing_went_wrong
}

@test "SIGUSR2 stays nginx's own: its binary upgrade works" {
	start_nginx
	start_requests
	wait_until 10 eval '[ "$(status_of $master state)" = on ]'
	[ "$(status_of $master signal)" = 0 ]
	[ -n "$(status_of $master signal_note)" ]
	old=$master old_workers=$workers
	kill -USR2 $old
	wait_for_file nginx.pid.oldbin
	[ "$(cat nginx.pid.oldbin)" = $old ]
	wait_until 10 test -s nginx.pid
	look_at_master
	[ $master != $old ]
	# Both serve, until the old workers are dismissed and the old master.
	[ "$(request)" = hello ]
	kill -WINCH $old
	for worker in $old_workers; do
		wait_for_end $worker
	done
	kill -0 $old
	bell_answers $old 1 root
	quit $old
	[ ! -e nginx.pid.oldbin ]
	[ "$(request)" = hello ]
	# The new one is tracked as the old one was. No signal made a snapshot.
	bell_answers $master 1 root
	[ "$(ls snaps | wc -l)" = 2 ]
	all_were_served
	quit $master
	nothing_went_wrong
}

@test "with signal=RTMIN+3, kill gives snapshots of nginx" {
	start_nginx signal=RTMIN+3
	for one in $master $workers; do
		signal_snapshot $one snaps/$one.1 RTMIN+3
		report snaps/$one.1
		holds "named(heap, 'ngx_\w+')"
	done
	[ "$(request)" = hello ]
	quit $master
	nothing_went_wrong
}

@test "interval=2s still fires after nginx made itself a daemon" {
	start_nginx interval=2s
	for one in $master $workers; do
		wait_for_file snaps/$one.2 10
	done
	report snaps/$master.1 snaps/$master.2
	holds "total(heap, 'live_bytes_new') > 50000"
	[ "$(request)" = hello ]
	quit $master
	nothing_went_wrong
}

@test "nginx reloads while it is tracked, and serves all along" {
	start_nginx
	start_requests
	bell_answers $master 1 root
	for reload in 2 3; do
		old_workers=$workers
		kill -HUP $master
		for worker in $old_workers; do
			wait_for_end $worker
		done
		look_at_master
		bell_answers $master $reload root
		for worker in $workers; do
			bell_answers $worker 1 www-data
		done
	done
	# Nothing that grows by a reload: the old configuration is let go.
	report snaps/$master.2 snaps/$master.3
	holds "abs(total(heap, 'delta_bytes')) < 20000" \
		"total(heap, 'alloc_bytes') > 50000"
	all_were_served
	quit $master
	nothing_went_wrong
}
