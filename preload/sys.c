#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>

uint64_t
lks_clock_ns(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

long
lks_sys_open(const char *path, int flags, int mode)
{
	long fd;

	do
		fd = lks_sys4(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC,
			      mode);
	while (fd == -EINTR);
	return fd;
}

long
lks_sys_close(int fd)
{
	/* Linux has closed it even when it says EINTR. */
	return lks_sys1(SYS_close, fd);
}

long
lks_sys_write_all(int fd, const void *data, size_t bytes)
{
	const char *at = data;

	while (bytes > 0) {
		long n = lks_sys3(SYS_write, fd, at, bytes);

		if (n == -EINTR)
			continue;
		if (lks_sys_failed(n))
			return n;
		if (n == 0)
			return -EIO;
		at += n;
		bytes -= (size_t)n;
	}
	return 0;
}

long
lks_sys_read_all(int fd, void *out, size_t cap)
{
	char *at = out;
	size_t have = 0;

	while (have < cap) {
		long n = lks_sys3(SYS_read, fd, at + have, cap - have);

		if (n == -EINTR)
			continue;
		if (lks_sys_failed(n))
			return n;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (long)have;
}

long
lks_sys_slurp(const char *path, char *out, size_t cap)
{
	long fd = lks_sys_open(path, O_RDONLY, 0);
	long n;

	out[0] = '\0';
	if (lks_sys_failed(fd))
		return fd;
	n = lks_sys_read_all((int)fd, out, cap - 1);
	lks_sys_close((int)fd);
	out[lks_sys_failed(n) ? 0 : n] = '\0';
	return n;
}

int32_t
lks_sys_getpid(void)
{
	return (int32_t)lks_sys0(SYS_getpid);
}

int32_t
lks_sys_gettid(void)
{
	return (int32_t)lks_sys0(SYS_gettid);
}

long
lks_sys_futex_wait(const volatile void *word, uint32_t seen,
		   uint64_t timeout_ns)
{
	struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u),
		.tv_nsec = (long)(timeout_ns % 1000000000u),
	};

	return lks_sys6(SYS_futex, (long)word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
			(long)seen, timeout_ns != 0 ? (long)&timeout : 0, 0, 0);
}

void
lks_sys_futex_wake(const volatile void *word, int n)
{
	lks_sys3(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n);
}

bool
lks_parse_u64(const char **at, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*at = p;
	*out = value;
	return true;
}

bool
lks_parse_hex(const char **at, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;

	for (;; p++) {
		unsigned digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned)(*p - 'a') + 10;
		else if (*p >= 'A' && *p <= 'F')
			digit = (unsigned)(*p - 'A') + 10;
		else
			break;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*out = value;
	return true;
}

size_t
lks_copy_text(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		if (n + 1 < cap)
			out[n] = text[n];
	if (cap > 0)
		out[n < cap ? n : cap - 1] = '\0';
	return n;
}
