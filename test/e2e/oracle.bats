# cfi against libunwind at every allocation of real programs. Only programs of
# one thread: libunwind in hooks can deadlock others.

setup_file() {
	# As the Makefile spells it: relative to the top, if it is below.
	local build=${BUILD#"$TOP"/}/oracle

	export ORACLE=$BUILD/oracle/libleakshim.so
	# A build of its own; what make was told for the other one is not ours.
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -C "$TOP" BUILD="$build" CFLAGS=-DLKS_ORACLE=1 \
		"$build/libleakshim.so"
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	export LEAKSHIM_ORACLE=$BATS_TEST_TMPDIR/oracle
}

# under COMMAND...: as it is, with the oracle looking on.
under() {
	LD_PRELOAD=$ORACLE "$@"
}

# The number after KEY= in a report's line.
number() {
	local line=" $2" value

	value=${line#* $1=}
	echo "${value%% *}"
}

# agreed EXE WALKS: EXE left a line of at least WALKS walks; and in all lines
# nothing differs and more than 99 of 100 walks are equal to the last frame.
agreed() {
	local line found=0

	cat "$LEAKSHIM_ORACLE"
	while read -r line; do
		[ "$(number different "$line")" -eq 0 ] || return 1
		[ $(($(number equal "$line") * 100)) -ge \
			$(($(number walks "$line") * 99)) ] || return 1
		case $line in
		exe=*"$1"*)
			[ "$(number walks "$line")" -lt "$2" ] || found=1
			;;
		esac
	done <"$LEAKSHIM_ORACLE"
	[ $found -eq 1 ]
}

@test "a report with a difference is refused" {
	echo 'exe=/x walks=1000 equal=999 shorter=0 longer=0 different=1' \
		>"$LEAKSHIM_ORACLE"
	run agreed x 1
	[ "$status" -ne 0 ]
	echo 'exe=/x walks=1000 equal=900 shorter=100 longer=0 different=0' \
		>"$LEAKSHIM_ORACLE"
	run agreed x 1
	[ "$status" -ne 0 ]
	echo 'exe=/x walks=1000 equal=1000 shorter=0 longer=0 different=0' \
		>"$LEAKSHIM_ORACLE"
	agreed x 1000
	run agreed x 1001
	[ "$status" -ne 0 ]
}

@test "python agrees" {
	# pymalloc would keep most allocations from us.
	PYTHONMALLOC=malloc under /usr/bin/python3 -c '
import ctypes, json, re
def nest(n):
	return [n, nest(n - 1)] if n else []
class Key:
	def __init__(self, n): self.n = n
	def __lt__(self, other): return str(self.n) < str(other.n)
sorted(Key(n) for n in range(500))
re.sub("(a|b)+", lambda m: m.group(0) * 2, "abcab" * 100)
callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
libc = ctypes.CDLL(None)
items = (ctypes.c_int * 50)(*range(50))
libc.qsort(items, 50, 4, callback(lambda a, b: len([a, b]) - 2))
try:
	nest(10 ** 6)
except RecursionError:
	pass
print(len(json.dumps(nest(100))))
'
	agreed python3 50000
}

@test "perl agrees" {
	under perl -e '
		my %h; $h{$_} = "x" x $_ for 1 .. 500;
		my @s = sort { length $h{$a} <=> length $h{$b} } keys %h;
		my $r; $r = sub { $_[0] ? [$r->($_[0] - 1)] : [] };
		$r->(300);
		print eval(join("+", 1 .. 200)), scalar(@s), "\n";'
	agreed perl 2000
}

@test "shell pipelines agree, children included" {
	under bash -c 'for i in 1 2 3; do x=$(echo $i | sort); done; echo $x'
	[ "$(wc -l <"$LEAKSHIM_ORACLE")" -gt 6 ]
	agreed bash 500
}

@test "a C++ compilation agrees" {
	cat >small.cc <<-'END'
		#include <vector>
		template<int N> struct sum {
			static constexpr int value = N + sum<N - 1>::value;
		};
		template<> struct sum<0> { static constexpr int value = 0; };
		int answer() { return sum<100>::value + std::vector<int>(9)[1]; }
	END
	under g++ -O2 -c small.cc
	agreed cc1plus 50000
	agreed as 50
}

@test "C++ exceptions agree" {
	cat >throws.cc <<-'END'
		#include <map>
		#include <stdexcept>
		#include <string>
		#include <vector>
		struct noisy {
			std::string *text = new std::string(100, 'n');
			~noisy() { delete text; std::vector<int> v(9); }
		};
		static int dig(int n)
		{
			noisy a;
			std::vector<std::string> v(3, std::string(40, 'x'));
			if (n == 0)
				throw std::runtime_error(std::string(50, 'e'));
			return dig(n - 1) + (int)v.size();
		}
		int main()
		{
			std::map<std::string, int> seen;
			for (int i = 0; i < 200; i++)
				try {
					dig(i % 60);
				} catch (const std::exception &e) {
					seen[e.what() + std::to_string(i)]++;
				}
			return seen.size() == 200 ? 0 : 1;
		}
	END
	g++ -O2 -o throws throws.cc
	under ./throws
	agreed throws 20000
}

@test "recursion, alloca, realigned frames, callbacks and signals agree" {
	cat >torture.c <<-'END'
		#define _GNU_SOURCE
		#include <alloca.h>
		#include <search.h>
		#include <signal.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		static volatile unsigned sink;
		#define DEEP __attribute__((noinline)) static void
		DEEP grab(unsigned n)
		{
			char *p = malloc(n % 100 + 1);
			memset(p, 1, n % 100 + 1);
			sink += p[n % 50 % (n % 100 + 1)];
			free(p);
		}
		DEEP plain(unsigned n);
		DEEP moving(unsigned n)
		{
			char *p = alloca(n * 8 + 8);
			memset(p, 2, n * 8 + 8);
			plain(n - 1);
			sink += p[n];
		}
		DEEP realigned(unsigned n)
		{
			_Alignas(64) char p[128];
			char *q = alloca(n + 1);
			memset(p, 3, sizeof(p));
			memset(q, 4, n + 1);
			plain(n - 1);
			sink += p[n % 128] + q[n];
		}
		static int order(const void *a, const void *b)
		{
			grab(7);
			return *(const int *)a - *(const int *)b;
		}
		DEEP sorting(unsigned n)
		{
			int x[] = { 5, 1, 4, 2, 3 };
			qsort(x, 5, sizeof(x[0]), order);
			plain(n - 1);
			sink += x[n % 5];
		}
		static void handler(int sig)
		{
			grab(sig);
		}
		DEEP raising(unsigned n)
		{
			raise(SIGUSR1);
			plain(n - 1);
			sink++;
		}
		DEEP plain(unsigned n)
		{
			static void (*const ways[])(unsigned) = {
				moving, realigned, sorting, raising
			};
			grab(n);
			if (n > 0)
				ways[(n * 7 + sink) % 4](n);
			sink++;
		}
		int main(void)
		{
			signal(SIGUSR1, handler);
			for (unsigned i = 2; i < 120; i += 2)
				plain(i);
			return 0;
		}
	END
	gcc -O2 -o torture torture.c
	under ./torture
	agreed torture 10000
}

# A frame that only its frame register finds, at the same place with the same
# words around: those of the last call still lie there.
@test "alloca over the words of other calls agrees" {
	cat >stale.c <<-'END'
		#include <alloca.h>
		#include <stdlib.h>
		#include <string.h>
		static volatile unsigned sink;
		#define DEEP __attribute__((noinline)) static void
		DEEP leaf(void)
		{
			char *p = malloc(20);
			sink += (unsigned char)*p;
			free(p);
			sink++;
		}
		DEEP inner(void) { leaf(); sink++; }
		DEEP middle(void) { inner(); sink++; }
		/* Its locals are not written: what lay there lies there. */
		DEEP takes(size_t bytes)
		{
			volatile char *p = alloca(bytes);
			__asm__ volatile("" : : "r"(p) : "memory");
			middle();
			sink += (unsigned)(size_t)p;
		}
		/* One call instruction, whoever is called. */
		static void down(int n, size_t bytes);
		static void last(int n, size_t bytes)
		{
			(void)n;
			takes(bytes);
			sink++;
		}
		static void (*const volatile way[])(int, size_t) = {
			last, down
		};
		static void down(int n, size_t bytes)
		{
			volatile char pad[96];

			__asm__ volatile("" : : "r"(pad) : "memory");
			way[n > 0](n - 1, bytes);
			sink++;
		}
		int main(void)
		{
			volatile int twice = 2;

			/* One call less, and its frame's bytes more: then
			 * the words of the call before are the alloca's. */
			for (int n = 1; n < 40; n++)
				for (size_t b = 16; b < 100; b += 16)
					for (size_t f = 64; f < 200; f += 16)
						for (int k = 0; k < twice; k++)
							down(n - k, b + k * f);
			return 0;
		}
	END
	gcc -O2 -fno-optimize-sibling-calls -o stale stale.c
	under ./stale
	agreed stale 3000
}

# Libraries alike but for their frames' sizes take turns at the same addresses.
@test "20,000 random dlopen and dlclose agree" {
	local n

	for n in 1 2 3 4; do
		cat >lib$n.c <<-END
			#include <stdlib.h>
			static volatile unsigned sink;
			__attribute__((noinline)) void work(int n)
			{
				volatile char pad[$((n * 112 + 200))];
				pad[n] = 1;
				free(malloc(n + 1));
				if (n > 0)
					work(n - 1);
				sink += pad[n];
			}
		END
		gcc -O1 -shared -fPIC -fno-builtin -fno-stack-protector \
			-o lib$n.so lib$n.c
	done
	cat >plugins.c <<-'END'
		#include <dlfcn.h>
		#include <stdio.h>
		#include <stdlib.h>
		int main(void)
		{
			static void *seen[64];
			static unsigned owner[64];
			void *handle[4] = { NULL };
			unsigned again = 0, x = 1;

			for (int i = 0; i < 20000; i++) {
				char path[16];
				unsigned n;
				void (*work)(int);

				x = x * 1664525 + 1013904223;
				n = x >> 24 & 3;
				if (handle[n] != NULL) {
					dlclose(handle[n]);
					handle[n] = NULL;
					continue;
				}
				sprintf(path, "./lib%u.so", n + 1);
				handle[n] = dlopen(path, RTLD_NOW);
				if (handle[n] == NULL)
					return 1;
				*(void **)&work = dlsym(handle[n], "work");
				/* Is it where another one was? */
				for (int k = 0; k < 64; k++) {
					if (seen[k] == NULL)
						seen[k] = (void *)work;
					if (seen[k] == (void *)work) {
						again += owner[k] != n;
						owner[k] = n;
						break;
					}
				}
				work((int)(x >> 20 & 7));
			}
			return again > 1000 ? 0 : 2;
		}
	END
	gcc -O2 -fno-builtin -o plugins plugins.c
	under ./plugins
	agreed plugins 50000
}
