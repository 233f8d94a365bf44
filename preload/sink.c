/*
 * Paths are large and the stack we run on may be small, so they are all
 * static; who holds the writer owns them.
 *
 * A template in force has every % code replaced but %n; a percent sign that
 * is meant stays doubled until a name is made of it.
 */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "counters.h"
#include "dirs.h"
#include "ident.h"
#include "msg.h"
#include "opts.h"
#include "sys.h"

/* Names tried until one is free: more than keep= allows one process, so only
 * the leftovers of many runs under the same name can use it up. */
#define NAME_TRIES 10000u
/* Temporary names tried: only a killed writer leaves one behind. */
#define TEMP_TRIES 64u

enum place {
	WANTED,   /* out= */
	FALLBACK, /* /tmp/leakshim-UID/ */
};

struct published {
	uint64_t sequence;
	/* What tells it from a file that took its name: inodes are reused. */
	uint64_t device;
	uint64_t inode;
	struct timespec written;
	uint32_t number; /* %n */
	enum place place;
};

static char templates[2][LKS_PATH_BYTES]; /* by enum place */
static enum place place;
static bool has_number;      /* the template has a %n */
static uint32_t next_number; /* of the next file */
static int fd = -1;
static char path[LKS_PATH_BYTES];
static char temp[LKS_PATH_BYTES]; /* empty: there is no temporary file */
static char last_path[LKS_PATH_BYTES];
static char note[512];
static char error[512];
static struct published published[LKS_KEEP_MAX + 1];
static uint32_t published_count;

/* --- names --- */

struct text {
	char *at;
	size_t left; /* without the terminator */
	bool cut;
};

static void
put(struct text *out, char c)
{
	if (out->left == 0) {
		out->cut = true;
		return;
	}
	*out->at++ = c;
	out->left--;
	*out->at = '\0';
}

static void
put_all(struct text *out, const char *s)
{
	while (*s != '\0')
		put(out, *s++);
}

/* For a template: no slash from names the host chose, percent doubled. */
static void
put_name(struct text *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '%')
			put(out, '%');
		put(out, *s == '/' ? '_' : *s);
	}
}

static void
put_number(struct text *out, uint64_t value, int digits)
{
	char decimal[24];
	size_t length = lks_format(decimal, sizeof(decimal), "%lu",
				   (unsigned long)value);

	for (; digits > (int)length; digits--)
		put(out, '0');
	put_all(out, decimal);
}

/* UTC as 20240131T235959Z. Days to a date as by H. Hinnant's civil_from_days:
 * years are taken to begin in March, so that the leap day is their last. */
static void
put_time(struct text *out, uint64_t ns)
{
	uint64_t s = ns / 1000000000u;
	uint64_t day = s / 86400 + 719468; /* since 0000-03-01 */
	uint64_t era = day / 146097;
	uint64_t of_era = day % 146097;
	uint64_t year = (of_era - of_era / 1460 + of_era / 36524 -
			 of_era / 146096) /
			365;
	uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * of_year + 2) / 153;

	put_number(out, era * 400 + year + (month >= 10 ? 1 : 0), 4);
	put_number(out, month < 10 ? month + 3 : month - 9, 2);
	put_number(out, of_year - (153 * month + 2) / 5 + 1, 2);
	put(out, 'T');
	put_number(out, s / 3600 % 24, 2);
	put_number(out, s / 60 % 60, 2);
	put_number(out, s % 60, 2);
	put(out, 'Z');
}

/* Replaces every code but %n and %%. Returns the first unknown one, 0: none. */
static char
expand(struct text *out, const char *raw)
{
	char unknown = '\0';

	for (; *raw != '\0'; raw++) {
		if (*raw != '%') {
			put(out, *raw);
			continue;
		}
		switch (*++raw) {
		case 'e':
			put_name(out, lks_ident.name);
			break;
		case 'h':
			put_name(out, lks_ident.host);
			break;
		case 'p':
			put_number(out, (uint64_t)lks_ident.pid, 0);
			break;
		case 't':
			put_time(out, lks_ident.start_wall_ns);
			break;
		case 'n':
			has_number = true;
			put_all(out, "%n");
			break;
		case '%':
			put_all(out, "%%");
			break;
		default:
			unknown = *raw != '\0' ? *raw : '%';
			put_all(out, "%%");
			raw--;
			break;
		}
	}
	return unknown;
}

/* The name of file `number` in `path`: 0 or a negative errno. */
static long
make_path(enum place where, uint32_t number)
{
	struct text out = { path, sizeof(path) - 1, false };

	path[0] = '\0';
	if (templates[where][0] == '\0')
		return -ENOENT;
	for (const char *t = templates[where]; *t != '\0'; t++) {
		if (*t == '%' && *++t == 'n')
			put_number(&out, number, 0);
		else
			put(&out, *t);
	}
	/* Without %n the first file has the very name that was asked for. */
	if (!has_number && number > 0) {
		put(&out, '.');
		put_number(&out, number, 0);
	}
	return out.cut ? -ENAMETOOLONG : 0;
}

static uint32_t
first_number(void)
{
	return has_number ? 1 : 0;
}

/* Is what out= says, with its codes replaced, a directory? */
static bool
is_directory(void)
{
	struct stat st;

	return make_path(WANTED, first_number()) == 0 &&
	       !lks_sys_failed(lks_sys4(SYS_newfstatat, AT_FDCWD, path, &st,
					0)) &&
	       S_ISDIR(st.st_mode);
}

/* Makes both templates of out=. Returns an unknown code, 0: none. */
static char
resolve(void)
{
	struct text wanted = { templates[WANTED], LKS_PATH_BYTES - 1, false };
	struct text fallback = { templates[FALLBACK], LKS_PATH_BYTES - 1,
				 false };
	const char *raw = lks_opts.out;
	const char *slash = strrchr(raw, '/');
	char unknown;

	has_number = false;
	if (raw[0] != '/') {
		for (const char *s = lks_ident.start_directory; *s; s++)
			put_all(&wanted, *s == '%' ? "%%" : (char[]){ *s, 0 });
		put(&wanted, '/');
	}
	unknown = expand(&wanted, raw);
	/* Without a start directory a relative path leads nowhere. */
	if (wanted.cut || (raw[0] != '/' && lks_ident.start_directory[0] == 0))
		templates[WANTED][0] = '\0';
	if (is_directory()) {
		put(&wanted, '/');
		expand(&wanted, LKS_OUT_DEFAULT);
		slash = NULL;
		raw = LKS_OUT_DEFAULT;
	}
	put_all(&fallback, "/tmp/leakshim-");
	put_number(&fallback, (uint64_t)lks_sys0(SYS_geteuid), 0);
	put(&fallback, '/');
	expand(&fallback, slash != NULL ? slash + 1 : raw);
	return unknown;
}

static void
cut_to_directory(void)
{
	char *slash = strrchr(path, '/');

	slash[slash == path ? 1 : 0] = '\0';
}

/* --- set-up --- */

void
lks_sink_init(void)
{
	char unknown = resolve();
	long result;

	if (unknown != '\0') {
		char code[2] = { unknown, '\0' };

		lks_msg("out= has an unknown code %%%s", code);
	}
	next_number = first_number();
	published_count = 0;
	place = WANTED;
	result = make_path(WANTED, next_number);
	if (result == 0) {
		cut_to_directory();
		result = lks_sys3(SYS_faccessat, AT_FDCWD, path, 3);
	}
	if (lks_sys_failed(result)) {
		place = FALLBACK;
		lks_format(note, sizeof(note), "cannot write in '%s': %s",
			   path, lks_errno_text(result));
		lks_msg("%s: snapshots go to /tmp/leakshim-%u/", note,
			(unsigned)lks_sys0(SYS_geteuid));
	}
}

void
lks_sink_fork_child(void)
{
	/* What the parent was writing is its own: file and descriptor. */
	fd = -1;
	temp[0] = '\0';
	last_path[0] = '\0';
	error[0] = '\0';
	published_count = 0;
	resolve();
	next_number = first_number();
}

/* --- one file --- */

void
lks_sink_fail(const char *what, long result)
{
	if (lks_sys_failed(result))
		lks_format(error, sizeof(error), "%s: %s (errno %ld)", what,
			   lks_errno_text(result), -result);
	else
		lks_copy_text(error, sizeof(error), what);
}

/* A temporary file beside the final one; a descriptor or a negative errno. */
static long
open_temp(enum place where)
{
	long result = make_path(where, next_number);

	if (result != 0)
		return result;
	result = -EEXIST;
	cut_to_directory();
	if (where == FALLBACK && !lks_own_directory(path))
		return -EACCES;
	for (uint32_t i = 0; i < TEMP_TRIES && result == -EEXIST; i++) {
		if (lks_format(temp, sizeof(temp), "%s/.leakshim.%d.%u.tmp",
			       path, lks_ident.pid, i) == sizeof(temp) - 1)
			result = -ENAMETOOLONG;
		else
			result = lks_sys_open(temp,
					      O_WRONLY | O_CREAT | O_EXCL |
						      O_NOFOLLOW | O_NOCTTY,
					      0600);
	}
	if (lks_sys_failed(result))
		temp[0] = '\0';
	else
		lks_sys2(SYS_fchmod, result, 0600); /* whatever the umask */
	return result;
}

bool
lks_sink_open(void)
{
	long result;

	error[0] = '\0';
	resolve(); /* the user may have changed, and with it the fallback */
	result = open_temp(WANTED);
	if (!lks_sys_failed(result)) {
		place = WANTED;
		note[0] = '\0';
	} else {
		lks_format(note, sizeof(note), "cannot write in '%s': %s",
			   path, lks_errno_text(result));
		if (place == WANTED)
			lks_msg("%s", note);
		result = open_temp(FALLBACK);
		place = FALLBACK;
	}
	if (lks_sys_failed(result)) {
		lks_sink_fail("cannot create a file, neither where out= says "
			      "nor in /tmp",
			      result);
		return false;
	}
	fd = (int)result;
	return true;
}

bool
lks_sink_write(const void *data, size_t bytes)
{
	long result = lks_sys_write_all(fd, data, bytes);

	if (lks_sys_failed(result))
		lks_sink_fail("cannot write the snapshot", result);
	return !lks_sys_failed(result);
}

/*
 * The three ways to give `temp` the name `path` without replacing a file, for
 * the file systems that lack the first or the second. Each says -EEXIST when
 * the name is taken.
 */
static long
publish_as_path(void)
{
	long result = lks_sys5(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD, path,
			       RENAME_NOREPLACE);

	if (!lks_sys_failed(result) || result == -EEXIST)
		return result;
	result = lks_sys5(SYS_linkat, AT_FDCWD, temp, AT_FDCWD, path, 0);
	if (result == -EEXIST)
		return result;
	if (!lks_sys_failed(result)) {
		lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
		return 0;
	}
	result = lks_sys_open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
			      0600);
	if (lks_sys_failed(result))
		return result;
	lks_sys_close((int)result);
	return lks_sys5(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD, path, 0);
}

/* Finds a free number, from the next one on. */
static long
publish_under_free_name(void)
{
	for (uint32_t i = 0; i < NAME_TRIES; i++) {
		long result = make_path(place, next_number + i);

		if (result == 0)
			result = publish_as_path();
		if (result == -EEXIST)
			continue;
		if (!lks_sys_failed(result))
			next_number += i;
		return result;
	}
	return -EEXIST;
}

/* --- keep= --- */

/* Removes a file, if it is still the one that we published. */
static void
remove_published(const struct published *p)
{
	struct stat st;

	if (make_path(p->place, p->number) != 0 ||
	    lks_sys_failed(lks_sys4(SYS_newfstatat, AT_FDCWD, path, &st,
				    AT_SYMLINK_NOFOLLOW)) ||
	    st.st_dev != p->device || st.st_ino != p->inode ||
	    st.st_mtim.tv_sec != p->written.tv_sec ||
	    st.st_mtim.tv_nsec != p->written.tv_nsec)
		return;
	if (!lks_sys_failed(lks_sys3(SYS_unlinkat, AT_FDCWD, path, 0)))
		lks_count(snapshots_removed);
}

/* Until keep= are left, the one goes whose neighbours are closest, the oldest
 * of several; so the gaps grow evenly. Never the first nor the last. */
static void
thin_out(void)
{
	while (published_count > lks_opts.keep) {
		uint64_t smallest = UINT64_MAX;
		uint32_t victim = 1;

		for (uint32_t i = 1; i + 1 < published_count; i++) {
			uint64_t gap = published[i + 1].sequence -
				       published[i - 1].sequence;

			if (gap < smallest) {
				smallest = gap;
				victim = i;
			}
		}
		remove_published(&published[victim]);
		published_count--;
		memmove(&published[victim], &published[victim + 1],
			(published_count - victim) * sizeof(published[0]));
	}
}

bool
lks_sink_publish(uint64_t sequence)
{
	struct stat st = { .st_ino = 0 };
	struct published *p = &published[published_count];
	long result;

	/* Network file systems say only now what went wrong. */
	result = lks_sys_close(fd);
	fd = -1;
	if (!lks_sys_failed(result))
		result = publish_under_free_name();
	if (lks_sys_failed(result)) {
		lks_sink_fail("cannot give the snapshot its name", result);
		return false;
	}
	temp[0] = '\0';
	lks_copy_text(last_path, sizeof(last_path), path);
	lks_sys4(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
	*p = (struct published){
		.sequence = sequence,
		.device = st.st_dev,
		.inode = st.st_ino,
		.written = st.st_mtim,
		.number = next_number++,
		.place = place,
	};
	published_count++;
	thin_out();
	return true;
}

void
lks_sink_discard(void)
{
	if (fd >= 0)
		lks_sys_close(fd);
	lks_sink_recover();
}

void
lks_sink_recover(void)
{
	fd = -1;
	if (temp[0] != '\0')
		lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
	temp[0] = '\0';
}

const char *
lks_sink_template(void)
{
	return templates[place];
}

const char *
lks_sink_last_path(void)
{
	return last_path;
}

const char *
lks_sink_note(void)
{
	return note;
}

const char *
lks_sink_error(void)
{
	return error;
}
