/*
 * Messages are few: complaints at start and changes of circumstance. The
 * first KEPT different ones are kept and never change once published, so that
 * any thread may read them while another adds one; later ones go to log= only.
 */
#include "msg.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ident.h"
#include "lock.h"
#include "opts.h"
#include "sandbox.h"
#include "sys.h"

/* A page: more complaints than an environment variable has keys. */
#define KEPT 8

static struct lks_lock lock;
static char kept[KEPT][LKS_MSG_BYTES]; /* guard: lock, until published */
static _Atomic uint32_t kept_count;
static _Atomic bool quiet;
static char log_path[LKS_PATH_BYTES]; /* written before quiet is set */

struct out {
	char *text;
	size_t cap;
	size_t length;
};

static void
put(struct out *out, char c)
{
	if (out->length + 1 < out->cap)
		out->text[out->length++] = c;
}

static void
put_text(struct out *out, const char *text)
{
	for (; *text != '\0'; text++)
		put(out, *text);
}

static void
put_number(struct out *out, uint64_t value, unsigned base)
{
	char digits[20];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	while (n > 0)
		put(out, digits[--n]);
}

static void
put_signed(struct out *out, int64_t value)
{
	uint64_t size = (uint64_t)value;

	if (value < 0) {
		put(out, '-');
		size = 0 - size;
	}
	put_number(out, size, 10);
}

static size_t
format_list(char *text, size_t cap, const char *format, va_list *list)
{
	struct out out = { text, cap, 0 };

	for (; *format != '\0'; format++) {
		bool wide = false;

		if (*format != '%') {
			put(&out, *format);
			continue;
		}
		while (format[1] == 'l' || format[1] == 'z') {
			wide = true;
			format++;
		}
		switch (*++format) {
		case 's':
			put_text(&out, va_arg(*list, const char *));
			break;
		case 'd':
			put_signed(&out, wide ? va_arg(*list, long)
					      : va_arg(*list, int));
			break;
		case 'u':
		case 'x':
			put_number(&out,
				   wide ? va_arg(*list, unsigned long)
					: va_arg(*list, unsigned),
				   *format == 'u' ? 10 : 16);
			break;
		case '\0':
			format--;
			break;
		default:
			put(&out, *format);
			break;
		}
	}
	if (cap > 0)
		text[out.length] = '\0';
	return out.length;
}

size_t
lks_format(char *out, size_t cap, const char *format, ...)
{
	va_list list;
	size_t length;

	va_start(list, format);
	length = format_list(out, cap, format, &list);
	va_end(list);
	return length;
}

static void
keep(const char *line)
{
	uint32_t count;

	/* A leaf, whatever the caller holds. */
	if (!lks_lock_take(&lock, LKS_RANK_ARENA))
		return;
	count = atomic_load_explicit(&kept_count, memory_order_relaxed);
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(kept[i], line) == 0)
			count = KEPT;
	if (count < KEPT) {
		lks_copy_text(kept[count], LKS_MSG_BYTES, line);
		/* release: pairs with lks_msg_get */
		atomic_store_explicit(&kept_count, count + 1,
				      memory_order_release);
	}
	lks_lock_drop(&lock);
}

/* In a directory that others may write to, a second name is how one of them
 * makes us write to a file of ours that is no log. */
static bool
is_log(int fd)
{
	struct stat st;

	return !lks_sys_failed(
		       lks_sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH)) &&
	       (!S_ISREG(st.st_mode) || st.st_nlink == 1);
}

static void
append_to_log(const char *line, size_t length)
{
	/* Never wait for a reader, should it be a pipe. */
	long fd = lks_sys_open(log_path,
			       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
				       O_NOCTTY | O_NONBLOCK,
			       0600);

	if (lks_sys_failed(fd))
		return;
	if (is_log((int)fd))
		lks_sys_write_all((int)fd, line, length);
	lks_sys_close((int)fd);
}

/* Made only when there is something to say, so it is asked for without. */
static bool
log_can_be_written(void)
{
	char directory[LKS_PATH_BYTES];
	long result = lks_sys3(SYS_faccessat, AT_FDCWD, log_path, W_OK);

	if (result == -ENOENT) {
		lks_copy_text(directory, sizeof(directory), log_path);
		*(strrchr(directory, '/') + 1) = '\0';
		result = lks_sys3(SYS_faccessat, AT_FDCWD, directory,
				  W_OK | X_OK);
	}
	return result == 0;
}

void
lks_msg(const char *format, ...)
{
	char line[LKS_MSG_BYTES] = "leakshim: ";
	size_t prefix = strlen(line);
	size_t length;
	va_list list;

	va_start(list, format);
	/* One byte less: the end of the line. */
	length = prefix + format_list(line + prefix, sizeof(line) - prefix - 1,
				      format, &list);
	va_end(list);
	keep(line + prefix);
	line[length++] = '\n';
	if (!atomic_load_explicit(&quiet, memory_order_acquire))
		lks_sys_write_all(2, line, length);
	else if (log_path[0] != '\0' && !lks_sandbox_forbids(LKS_NEED_WRITE))
		append_to_log(line, length);
}

void
lks_msg_quiet(void)
{
	const char *slash = lks_opts.log[0] == '/' ? "" : "/";
	const char *base = slash[0] != '\0' ? lks_ident.start_directory : "";

	/* The host may change its directory: resolved once. */
	if (lks_opts.log[0] != '\0' &&
	    lks_format(log_path, sizeof(log_path), "%s%s%s", base, slash,
		       lks_opts.log) == sizeof(log_path) - 1)
		log_path[0] = '\0';
	if (log_path[0] != '\0' && !log_can_be_written())
		lks_msg("log=%s cannot be written: messages are in leakshim "
			"status only",
			log_path);
	/* release: pairs with lks_msg; the path is complete */
	atomic_store_explicit(&quiet, true, memory_order_release);
}

const char *
lks_msg_get(uint32_t i)
{
	/* acquire: pairs with keep */
	if (i >= atomic_load_explicit(&kept_count, memory_order_acquire))
		return NULL;
	return kept[i];
}

void
lks_msg_fork_child(void)
{
	lks_lock_init(&lock);
}
