# Real programs: what they print, on both streams, and the status they end with
# are the same with and without the shim. The long forms are in test/safety.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
}

# same COMMAND...: the command, plain and under the shim, in a directory of its
# own each, with the same input.
same() {
	local how status
	for how in plain shim; do
		rm -rf work
		mkdir work
		status=0
		(
			cd work
			[ $how = plain ] || export LD_PRELOAD=$SHIM \
				LEAKSHIM=out=$BATS_TEST_TMPDIR/%p.%n.snap
			# Nothing but what the command says on its own.
			exec timeout 60 "$@" <"${input:-/dev/null}"
		) >$how.out 2>$how.err 3>&- || status=$?
		echo $status >$how.status
		(cd work && find . -type f -exec cksum {} + | sort) >$how.files
	done
	for what in status out err files; do
		cmp plain.$what shim.$what || {
			diff plain.$what shim.$what | head -n 20
			return 1
		}
	done
}

numbers() {
	seq 1 30000 | sed 's/\(.*\)/\1 line of \1 \1/' >numbers
}

@test "coreutils, sed, awk, grep, find" {
	numbers
	same sort -R --random-source="$PWD/numbers" "$PWD/numbers"
	same sort -k2 -t1 --parallel=4 "$PWD/numbers"
	same sed -n '/7/{s/line/LINE/g;p}' "$PWD/numbers"
	same awk '{ n[$1 % 97] = n[$1 % 97] $2 } END { for (i in n)
		print i, length(n[i]) }' "$PWD/numbers"
	same grep -c '9.*9' "$PWD/numbers"
	same grep nothing "$PWD/numbers"
	same find /usr/share/doc -maxdepth 1 -name 'lib*'
	same ls /nowhere
	same env false
}

@test "gzip, xz with threads, tar" {
	numbers
	input=numbers same gzip -9nc
	input=numbers same xz -T2 -c
	same tar -C "$TOP" --sort=name --mtime=@0 -cf - doc proto
	same tar -xf "$PWD/numbers"
}

@test "the C and C++ compilers, ld, make" {
	cat >hello.cc <<-'CC'
		#include <iostream>
		#include <map>
		#include <string>
		int main() { std::map<int, std::string> m{{1, "one"}};
			std::cout << m[1] << "\n"; }
	CC
	same "${CXX:-g++}" -O1 -o hello "$PWD/hello.cc"
	same "${CC:-gcc}" -c "$PWD/hello.missing.c"
	printf 'all: a b\na b:\n\techo $@ >$@\n' >makefile
	same make -f "$PWD/makefile" -j2 -O
}

@test "bash, perl, python3, sqlite3" {
	same bash -c 'for i in {1..50}; do (exit $((i % 3))) || echo $i; done
		trap "echo trapped" USR1; kill -USR1 $$; wait; ulimit -n; exit 9'
	same perl -e 'my %h = map { $_ => [1 .. $_ % 50] } 1 .. 5000;
		print scalar(keys %h), " ", join(",", map { scalar @{$h{$_}} }
		1 .. 20), "\n"; local $SIG{USR2} = sub { print "mine\n" };
		kill USR2 => $$; my $p = fork // die; exit 3 unless $p;
		waitpid $p, 0; print $? >> 8, "\n"; exit 4'
	same /usr/bin/python3 -Ic 'import json, re, threading, subprocess, sys
print(len(json.dumps({str(i): [i] * 9 for i in range(9000)})))
print(re.sub("a+", "b", "caaat" * 9))
t = [threading.Thread(target=lambda: [0] * 10**6) for _ in range(9)]
[x.start() for x in t], [x.join() for x in t]
print(subprocess.run(["sh", "-c", "echo out; exit 5"], capture_output=True))
sys.exit(6)'
	if command -v sqlite3 >/dev/null; then
		same sqlite3 :memory: 'create table t(a, b);
			with recursive n(i) as (select 1 union all select i + 1
			from n where i < 20000) insert into t select i, hex(i)
			from n; create index i on t(b); select count(*), max(b)
			from t where b like "%33%"; select nothing;'
	fi
}

@test "CPython's own tests of json and fork, stress-ng's of malloc" {
	if /usr/bin/python3 -Ic 'import test.test_json' 2>/dev/null; then
		for module in test_json test_fork1; do
			LD_PRELOAD=$SHIM LEAKSHIM=out=$PWD/%p.%n.snap timeout \
				100 /usr/bin/python3 -m test $module >out 2>&1 ||
				{
					tail -n 20 out
					return 1
				}
		done
	fi
	command -v stress-ng >/dev/null || skip 'there is no stress-ng'
	LD_PRELOAD=$SHIM LEAKSHIM=out=$PWD/%p.%n.snap timeout 100 stress-ng \
		-q --malloc 2 --malloc-ops 3000 --malloc-bytes 64M --verify
}
