# C++ libraries in hosts that are not C++.
#
# libunwind exports the C++ unwinder's names (_Unwind_RaiseException ...). Were
# it linked to the shim, it would stand before libgcc_s in the scope of every
# library that a C program opens later, and take over its exceptions, thirty
# times slower. A plain C++ program links libgcc_s itself and shows nothing.
# So here the hosts are C and Python, and "at equal speed" is shown by who
# serves: the loader is asked whom it bound libstdc++'s unwinder to.

load programs

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	local programs=$TOP/test/e2e/programs
	${CXX:-c++} -std=gnu++17 -O2 -g -Wall -Wextra -shared -fPIC \
		-fvisibility=hidden -o cxx_library.so "$programs/cxx_library.cc"
	${CC:-cc} -O2 -g -Wall -Wextra -o cxx_host "$programs/cxx_host.c"
}

setup() {
	library=$BATS_FILE_TMPDIR/cxx_library.so
	c_host="$BATS_FILE_TMPDIR/cxx_host $library"
	python_host="$PYTHON -I $TOP/test/e2e/programs/cxx_host.py $library"
	cd "$BATS_TEST_TMPDIR"
}

# says NAME COMMAND...: NAME.out and NAME.err are what it says, its end too.
says() {
	local name=$1 status=0
	shift
	"$@" >"$name.out" 2>"$name.err" || status=$?
	echo "status $status" >>"$name.out"
}

# same_under_the_shim UNWIND THROWS HOST...
same_under_the_shim() {
	local unwind=$1 throws=$2
	shift 2
	says plain timeout 60 "$@" $throws
	says shim tracked "out=$PWD/snap.%n,on=exit,unwind=$unwind" \
		"$@" $throws
	cat shim.out shim.err
	grep "^caught $throws$" shim.out
	grep '^status 42$' shim.out
	cmp plain.out shim.out
	cmp plain.err shim.err
	[ "$($PYTHON -I "$TOP/test/e2e/decode_snapshot.py" snap.1 \
		header.unwind)" = "$unwind" ]
	# Its late operator new is seen through, whatever unwinds.
	report snap.1
	holds "named(heap, 'cxx_leak')[0].live_objects_new == 300" \
		"named(heap, 'cxx_leak')[0].live_bytes_new == 300 * 777"
	lost_nothing snap.1
}

# unwinders ENVIRONMENT... HOST...: the objects that libstdc++'s and the
# library's calls of the unwinder were bound to.
unwinders() {
	says bound timeout 60 env LD_DEBUG=bindings LD_DEBUG_OUTPUT="$PWD/bind" \
		"$@" 10
	grep '^caught 10$' bound.out >&2
	cat bind.* | grep 'binding file .*/\(libstdc++\|cxx_library\)' |
		sed -n 's,.* to .*/\([^/]*\) \[0\]: .*`_Unwind_.*,\1,p' |
		sort -u
	rm -f bind.*
}

served_by_libgcc() {
	local unwind
	[ "$(unwinders "$@")" = libgcc_s.so.1 ]
	for unwind in cfi libunwind; do
		[ "$(unwinders LD_PRELOAD="$SHIM" LEAKSHIM="unwind=$unwind" \
			"$@")" = libgcc_s.so.1 ]
	done
}

need_libunwind() {
	PATH=$PATH:/sbin ldconfig -p | grep -q 'libunwind\.so\.8 ' ||
		skip 'there is no libunwind.so.8'
}

@test "exceptions of a C++ library in a C program are as without the shim" {
	same_under_the_shim cfi 20000 $c_host
}

@test "exceptions in a C program are as without the shim, unwind=libunwind" {
	need_libunwind
	same_under_the_shim libunwind 2000 $c_host
}

@test "exceptions of a C++ library in python are as without the shim" {
	same_under_the_shim cfi 20000 $python_host
}

@test "exceptions in python are as without the shim, unwind=libunwind" {
	need_libunwind
	same_under_the_shim libunwind 2000 $python_host
}

@test "libgcc serves the exceptions of a C program, whatever unwinds for us" {
	need_libunwind
	served_by_libgcc $c_host
}

@test "libgcc serves the exceptions of python, whatever unwinds for us" {
	need_libunwind
	served_by_libgcc $python_host
}

@test "the two tests above can fail: a preloaded libunwind takes over" {
	need_libunwind
	[ "$(unwinders LD_PRELOAD=libunwind.so.8 $c_host)" = libunwind.so.8 ]
	[ "$(unwinders LD_PRELOAD=libunwind.so.8 $python_host)" = \
		libunwind.so.8 ]
	grep '^global unwinder yes$' bound.out
}
