# What packaging/ holds: the package is built and looked at, all else goes through
# a parser or a checker of its own field. A clean Debian gets the package in
# test/soak/packages.bats. No container is built or run, and no cluster, here.

load programs

setup_file() {
	cd "$TOP"
	# make's own variables of an outer make are not for this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
	make -s BUILD="$BUILD" all >&2
	make -s BUILD="$BUILD" deb >"$BATS_FILE_TMPDIR/said" \
		2>"$BATS_FILE_TMPDIR/complaints"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	deb=$(cat "$BATS_FILE_TMPDIR/said")
	mkdir root
	dpkg-deb -x "$deb" root
}

teardown() {
	end_processes
}

@test "make deb says where the package is, and nothing else" {
	[ "$(wc -l <"$BATS_FILE_TMPDIR/said")" = 1 ]
	[ -s "$deb" ]
	cat "$BATS_FILE_TMPDIR/complaints"
	[ ! -s "$BATS_FILE_TMPDIR/complaints" ]
}

@test "the package has what make install installs, with its pages packed" {
	cd "$TOP"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	make -s BUILD="$BUILD" install DESTDIR="$BATS_TEST_TMPDIR/plain" \
		PREFIX=/usr libdir="/usr/lib/$(dpkg-architecture -q \
			DEB_HOST_MULTIARCH)"
	cd "$BATS_TEST_TMPDIR"
	# The licence is Debian's copy.
	rm plain/usr/share/doc/leakshim/LICENSE
	gzip plain/usr/share/man/*/* plain/usr/share/doc/leakshim/CHANGELOG.md
	(cd plain && find . -type f | sort) >expected
	(cd root && find . -type f | sort) >present
	comm -23 expected present >missing
	cat missing
	[ ! -s missing ]
	[ "$(find root -perm /022 ! -type l | wc -l)" = 0 ]
}

@test "the package depends on the libraries that its programs need" {
	dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//' |
		sort >depends
	cat depends
	# By another way: who owns the files that the loader would load.
	for file in root/usr/bin/*; do
		readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
	done | sort -u >needed
	while read -r library; do
		path=$(PATH=$PATH:/sbin ldconfig -p |
			sed -n "s,.*[[:space:]]$library .*=> ,,p" | head -n 1)
		owner "$path"
	done <needed | sort -u >owners
	grep -qx libdw1 owners
	comm -23 owners depends >missing
	cat missing
	[ ! -s missing ]
}

# The package of a library. Of /lib and /usr/lib, which are one, dpkg knows the
# one that the package was made with.
owner() {
	dpkg -S "$1" 2>/dev/null >owner.out ||
		dpkg -S "/usr$1" >owner.out
	cut -d: -f1 owner.out
}

@test "the package's checksums are those of its files" {
	dpkg-deb -e "$deb" control
	cd root
	md5sum --quiet -c ../control/md5sums
	[ "$(wc -l <../control/md5sums)" = "$(find . -type f | wc -l)" ]
	# Which a file that changed would not pass.
	echo >>usr/share/doc/leakshim/copyright
	refute md5sum --status -c ../control/md5sums
}

@test "the same files make the same package" {
	sum=$(sha256sum <"$deb")
	cd "$TOP"
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
	make -s BUILD="$BUILD" deb >/dev/null
	[ "$(sha256sum <"$deb")" = "$sum" ]
}

@test "what is in the package works from where it is" {
	cat >leak.c <<-'C'
		#include <stdlib.h>
		void *kept;
		__attribute__((noinline)) void take_some(void)
		{ kept = malloc(12345); }
		int main(void) { take_some(); return 7; }
	C
	${CC:-cc} -O1 -g -fno-builtin -o leak leak.c
	status=0
	root/usr/bin/leakshim run --on exit --out "$PWD/snap.%n" -- \
		./leak || status=$?
	[ $status = 7 ]
	root/usr/bin/leakdiff --csv snap.1 | grep '^heap,take_some,'
}

# --- systemd -------------------------------------------------------------------

need_systemd() {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze'
}

# verify_unit NAME: a service in ./units, as systemd reads it.
verify_unit() {
	SYSTEMD_UNIT_PATH=$PWD/units:/lib/systemd/system \
		systemd-analyze verify --man=no --recursive-errors=no \
		"units/$1" >verify.out 2>&1 || return 1
	# It warns of unknown settings and ends well.
	cat verify.out
	[ ! -s verify.out ]
}

@test "systemd takes the drop-in" {
	need_systemd
	mkdir -p units/app.service.d
	printf '[Service]\nExecStart=/bin/true\n' >units/app.service
	cp "$TOP/packaging/systemd/leakshim.conf" units/app.service.d
	verify_unit app.service
	# It is read at all, and what is wrong is told.
	sed -i 's/^StateDirectory/StateDirektory/' \
		units/app.service.d/leakshim.conf
	refute verify_unit app.service
}

# takes_options OPTIONS: nothing is told but, where there is none, that there is no
# limit of memory.
takes_options() {
	tracked "$1" /bin/true 2>said
	grep -v 'this process has no cgroup memory limit' said >unexpected ||
		[ $? = 1 ]
	cat unexpected
	[ ! -s unexpected ]
}

@test "the shim takes the options of the drop-in" {
	# As systemd would: %N is the unit, %% is a per cent sign.
	options=$(sed -n 's/^Environment=LEAKSHIM=//p' \
		"$TOP/packaging/systemd/leakshim.conf" |
		sed "s,/var/lib/leakshim/%N,$PWD,; s/%%/%/g; s/on=/on=exit+/")
	[ -n "$options" ]
	takes_options "$options"
	ls true.*.1.snap
}

# --- Kubernetes ------------------------------------------------------------------

@test "the Kubernetes example is coherent" {
	$PYTHON -I "$TOP/test/e2e/check_kubernetes.py" \
		"$TOP/packaging/kubernetes/leakshim.yaml" >found
	# Its command finds the library where the package puts it.
	copy=$(sed -n 1p found) options=$(sed -n 2p found)
	mkdir leakshim
	sh -c "$(echo "$copy" |
		sed "s,/usr/lib/,$PWD/root&,; s, /leakshim/, $PWD/leakshim/,")"
	cmp leakshim/libleakshim.so root/usr/lib/*/libleakshim.so
	options=${options/\/snapshots/$PWD}
	takes_options "${options/on=/on=exit+}"
	ls *.true.*.1.snap
	sed 's/claimName: app-snapshots/claimName: others/' \
		"$TOP/packaging/kubernetes/leakshim.yaml" >wrong.yaml
	refute $PYTHON -I "$TOP/test/e2e/check_kubernetes.py" wrong.yaml
}

# --- cloud-init --------------------------------------------------------------------

# part PATH: what cloud-init would write there.
part() {
	$PYTHON -Ic 'import sys, yaml
(found,) = [f["content"] for f in yaml.safe_load(open(sys.argv[1]))["write_files"]
            if f["path"] == sys.argv[2]]
print(found, end="")' "$TOP/packaging/host/cloud-init.yaml" "$1"
}

# Debian's cloud-init and what it imports, unpacked: installed it would take
# over the next boot.
CLOUD_INIT='cloud-init python3-certifi python3-chardet
	python3-charset-normalizer python3-configobj python3-idna python3-jinja2
	python3-json-pointer python3-jsonpatch python3-markupsafe
	python3-netifaces python3-oauthlib python3-requests python3-serial
	python3-six python3-urllib3'

# schema FILE: cloud-init's own judgement.
schema() {
	PYTHONPATH=cloud/usr/lib/python3/dist-packages $PYTHON -m \
		cloudinit.cmd.main schema -c "$1" 2>&1
}

@test "cloud-init's schema allows the host's user data" {
	mkdir debs cloud
	(cd debs && timeout 60 apt-get -qq download $CLOUD_INIT) >said 2>&1 ||
		skip "cloud-init can't be had: $(tail -n 1 said)"
	for package in debs/*.deb; do
		dpkg-deb -x "$package" cloud
	done
	schema "$TOP/packaging/host/cloud-init.yaml" >said
	grep '^Valid cloud-config' said
	sed 's/^packages:/packages: none\nother:/' \
		"$TOP/packaging/host/cloud-init.yaml" >wrong.yaml
	refute schema wrong.yaml
}

@test "what cloud-init would run is there, and is right" {
	part /usr/local/sbin/leakshim-soak-install >install
	sh -n install
	part /etc/leakshim-soak.env >env
	(. ./env && [ -n "$LEAKSHIM_DEB" ])
	part /etc/systemd/system/leakshim-soak.service >unit
	command=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' unit)
	[ -x "root$command" ]
	need_systemd
	mkdir units
	sed "s,^ExecStart=,&$PWD/root," unit >units/leakshim-soak.service
	verify_unit leakshim-soak.service
}

# --- Docker --------------------------------------------------------------------------

@test "the Dockerfile names only stages, files and packages that there are" {
	look="$PYTHON -I $TOP/test/e2e/check_dockerfile.py $TOP"
	$look "$TOP/packaging/Dockerfile" >packages
	grep -qx nginx-light packages
	apt-cache show apt >/dev/null 2>&1 ||
		skip 'apt knows no packages here (apt-get update)'
	while read -r package; do
		apt-cache show "$package" >/dev/null
	done <packages
	# Its default command is in the package.
	command=$(sed -n 's/^CMD \["\(.*\)"\]$/\1/p' "$TOP/packaging/Dockerfile")
	[ -x "root$command" ]
	sed 's/from=build/from=bulid/' "$TOP/packaging/Dockerfile" >wrong
	refute $look wrong
	sed 's,^COPY scripts,COPY skripts,' "$TOP/packaging/Dockerfile" >wrong
	refute $look wrong
}
