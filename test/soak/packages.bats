# The package in a clean Debian: it installs with what it depends on, finds leaks
# there, has no errors for lintian, and goes without a trace. The host's user data
# of packaging/host does the installing. `make test-full` runs it; it needs root
# and a Debian mirror.

load ../e2e/programs

setup_file() {
	local suite
	cd "$TOP"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
	make -s BUILD="$BUILD" all >&2
	make -s BUILD="$BUILD" deb >"$BATS_FILE_TMPDIR/said"
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# What was linked with one release's libraries is for that release.
	echo "${suite:-bookworm}" >"$BATS_FILE_TMPDIR/suite"
	[ "$(id -u)" = 0 ] || return 0
	command -v debootstrap >/dev/null || return 0
	timeout 400 debootstrap --variant=minbase \
		--include=ca-certificates,curl "$suite" \
		"$BATS_FILE_TMPDIR/clean" >"$BATS_FILE_TMPDIR/debootstrap" \
		2>&1 3>&- || return 0
	# Security updates are where the libraries that we linked may be from.
	cp /etc/apt/sources.list.d/debian.sources \
		"$BATS_FILE_TMPDIR/clean/etc/apt/sources.list.d" 2>/dev/null ||
		cp /etc/apt/sources.list "$BATS_FILE_TMPDIR/clean/etc/apt"
	touch "$BATS_FILE_TMPDIR/ready"
}

teardown_file() {
	rm -rf --one-file-system "$BATS_FILE_TMPDIR/clean"
}

setup() {
	[ "$(id -u)" = 0 ] || skip 'needs root: debootstrap'
	command -v debootstrap >/dev/null || skip 'no debootstrap'
	[ -e "$BATS_FILE_TMPDIR/ready" ] ||
		skip "no clean Debian: $(tail -n 1 "$BATS_FILE_TMPDIR/debootstrap")"
	root=$BATS_FILE_TMPDIR/clean
	deb=$(cat "$BATS_FILE_TMPDIR/said")
}

# inside COMMAND: in the clean Debian, with its own /proc and processes. What is
# left of them ends with it.
inside() {
	timeout -k 10 500 env -i DEBIAN_FRONTEND=noninteractive LC_ALL=C \
		HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
		unshare --mount --pid --fork --kill-child \
		chroot "$root" /bin/sh -ec "
			mount -t proc proc /proc
			$1" </dev/null 3>&-
}

@test "the host's user data installs it in a clean Debian, and leaks are found" {
	cp "$deb" "$root/root/leakshim.deb"
	$PYTHON -Ic 'import sys, yaml
for file in yaml.safe_load(open(sys.argv[1]))["write_files"]:
    open(sys.argv[2] + file["path"], "w").write(file["content"])' \
		"$TOP/packaging/host/cloud-init.yaml" "$root"
	printf 'LEAKSHIM_DEB=%s\nLEAKSHIM_DEB_SHA256=%s\n' \
		file:///root/leakshim.deb "$(sha256sum <"$deb" | cut -d' ' -f1)" \
		>"$root/etc/leakshim-soak.env"
	inside 'apt-get -qq update
		sh /usr/local/sbin/leakshim-soak-install'
	inside 'leakshim --version
		leakshim selftest
		cd /tmp
		LD_PRELOAD=libleakshim.so LEAKSHIM=on=exit,out=/tmp/%e.snap ls
		leakdiff ls.snap >/dev/null
		zcat /usr/share/man/man1/leakshim.1.gz | grep -q "^\.TH"'
	# Another file than the one that was meant is not installed.
	echo LEAKSHIM_DEB_SHA256=$(printf x | sha256sum | cut -d' ' -f1) \
		>>"$root/etc/leakshim-soak.env"
	refute inside 'sh /usr/local/sbin/leakshim-soak-install'
}

@test "the soaks of the package run where they are installed" {
	inside 'apt-get -qq --no-install-recommends install nginx-light \
			procps redis-server redis-tools >/dev/null 2>&1
		/usr/share/leakshim/soak/run --planted reload app -- \
			--iterations 10 --warmup 3 --snapshot-every 1'
}

@test "lintian finds no error in the package" {
	cp "$deb" "$root/root/"
	inside 'apt-get -qq --no-install-recommends install lintian >/dev/null 2>&1'
	inside "lintian --allow-root --fail-on error,warning \
		/root/$(basename "$deb")"
}

@test "the package goes as it came" {
	inside 'dpkg -P leakshim'
	# The cache of the loader is another package's.
	found=$(find "$root/usr" "$root/etc" "$root/var/lib/leakshim" \
		-name '*leakshim*' ! -name 'leakshim-soak*' 2>/dev/null ||
		[ $? = 1 ])
	echo "$found"
	[ -z "$found" ]
}
