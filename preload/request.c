#include "request.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "../proto/status.h"
#include "status.h"
#include "sys.h"

/* Not on the stack, which may be a handler's. */
static char text[LKS_REQUEST_BYTES + 2];
static char path[LKS_STATUS_PATH_BYTES];

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One byte of a value; -1: none that may stand there. */
static int
take_byte(const char **at)
{
	unsigned char c = (unsigned char)*(*at)++;
	int high, low;

	if (c < 0x20 || c == 0x7f)
		return -1;
	if (c != '%')
		return c;
	high = hex_digit(**at);
	low = high < 0 ? -1 : hex_digit((*at)[1]);
	if (low < 0 || (high == 0 && low == 0))
		return -1;
	*at += 2;
	return high << 4 | low;
}

static bool
parse_mark(const char *value, const char *end, struct lks_request *out)
{
	out->has_mark = true;
	out->mark_length = 0;
	while (value < end) {
		int byte = take_byte(&value);

		if (byte < 0 || value > end ||
		    out->mark_length == LKS_MARK_BYTES - 1)
			return false;
		out->mark[out->mark_length++] = (char)byte;
	}
	return true;
}

static bool
parse_contents(const char *value, const char *end, struct lks_request *out)
{
	uint64_t number;

	if (!lks_parse_u64(&value, &number) || value != end ||
	    number > LKS_CONTENTS_MAX)
		return false;
	out->contents = (uint32_t)number;
	return true;
}

static bool
starts_with(const char *line, const char *end, const char *key)
{
	size_t length = strlen(key);

	return (size_t)(end - line) >= length && memcmp(line, key, length) == 0;
}

bool
lks_request_parse(const char *at, size_t length, struct lks_request *out)
{
	static const char first[] = LKS_REQUEST_MAGIC "\n";
	const char *all_end = at + length;

	*out = (struct lks_request){ .has_mark = false };
	if (!starts_with(at, all_end, first) || all_end[-1] != '\n')
		return false;
	at += sizeof(first) - 1;
	while (at < all_end) {
		const char *end = memchr(at, '\n', (size_t)(all_end - at));
		bool good = true;

		if (starts_with(at, end, "mark="))
			good = parse_mark(at + 5, end, out);
		else if (starts_with(at, end, "contents="))
			good = parse_contents(at + 9, end, out);
		if (!good)
			return false;
		at = end + 1;
	}
	return true;
}

/* Whose it is, and how large it may be. */
static bool
is_acceptable(int fd)
{
	struct stat st;

	return !lks_sys_failed(
		       lks_sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH)) &&
	       S_ISREG(st.st_mode) && (st.st_mode & 077) == 0 &&
	       st.st_nlink == 1 && st.st_uid == (uid_t)lks_sys0(SYS_geteuid) &&
	       st.st_size <= LKS_REQUEST_BYTES;
}

bool
lks_request_read(uint32_t token, struct lks_request *out)
{
	long length = -1;
	long fd;

	if (!lks_status_beside(token, path, sizeof(path)))
		return false;
	/* O_NONBLOCK: a FIFO in its place must not hold us. */
	fd = lks_sys_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
			  0);
	if (lks_sys_failed(fd))
		return false;
	/* It may grow while it is read, so that reading is bounded too. */
	if (is_acceptable((int)fd))
		length = lks_sys_read_all((int)fd, text, LKS_REQUEST_BYTES + 1);
	lks_sys_close((int)fd);
	if (length < 0 || length > LKS_REQUEST_BYTES)
		return false;
	text[length] = '\0';
	return lks_request_parse(text, (size_t)length, out);
}

void
lks_request_done(uint32_t token)
{
	if (lks_status_beside(token, path, sizeof(path)))
		lks_sys3(SYS_unlinkat, AT_FDCWD, path, 0);
}
