/*
 * System calls that never touch errno, and the few string helpers that go
 * with them.
 *
 * Each returns what the kernel returns: a negative errno on failure. Needed
 * because the cloned writer shares the host thread's errno, and because hooks
 * must leave errno alone.
 */
#pragma once

#include <sys/syscall.h>
#include <time.h>

#include "lks.h"

#if defined(__x86_64__)
static inline long
lks_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
static inline long
lks_sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
#error "sys.h has no system call sequence for this machine"
#endif

#define lks_sys0(n) lks_sys6((n), 0, 0, 0, 0, 0, 0)
#define lks_sys1(n, a) lks_sys6((n), (long)(a), 0, 0, 0, 0, 0)
#define lks_sys2(n, a, b) lks_sys6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define lks_sys3(n, a, b, c)                                                   \
	lks_sys6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define lks_sys4(n, a, b, c, d)                                                \
	lks_sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define lks_sys5(n, a, b, c, d, e)                                             \
	lks_sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline bool
lks_sys_failed(long result)
{
	return (unsigned long)result >= (unsigned long)-4095;
}

/* Nanoseconds of a CLOCK_*. clock_gettime is the vDSO's: no errno on success. */
uint64_t lks_clock_ns(clockid_t clock);

/* Files. Retried on EINTR. */
long lks_sys_open(const char *path, int flags, int mode);
long lks_sys_close(int fd);
/* All of it, or a negative errno. */
long lks_sys_write_all(int fd, const void *data, size_t bytes);
/* At most `cap` bytes, until end of file; the count, or a negative errno. */
long lks_sys_read_all(int fd, void *out, size_t cap);
/* Reads a small file whole, terminates it. The length, or a negative errno. */
long lks_sys_slurp(const char *path, char *out, size_t cap);

int32_t lks_sys_getpid(void);
int32_t lks_sys_gettid(void);

/* Futex on a private word: waits while *word == seen, at most timeout_ns
 * (0 = for ever); wakes n waiters. */
long lks_sys_futex_wait(const volatile void *word, uint32_t seen,
			uint64_t timeout_ns);
void lks_sys_futex_wake(const volatile void *word, int n);

/* The unsigned decimal at *at (in text), moved past it; false: no digit, or
 * more than 64 bits. */
bool lks_parse_u64(const char **at, uint64_t *out);
/* Hexadecimal, no prefix. */
bool lks_parse_hex(const char **at, uint64_t *out);
/* Copies at most cap - 1 bytes and terminates; returns strlen(text). */
size_t lks_copy_text(char *out, size_t cap, const char *text);
