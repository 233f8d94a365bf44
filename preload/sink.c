/*
 * Paths are large and the stack we run on may be small, so they are all
 * static; who holds the writer owns them.
 */
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "counters.h"
#include "dirs.h"
#include "ident.h"
#include "msg.h"
#include "opts.h"
#include "outname.h"
#include "status.h"
#include "sys.h"

/* Names tried until one is free: more than keep= allows one process, so only
 * the leftovers of many runs under the same name can use it up. */
#define NAME_TRIES 10000u
/* Temporary names tried: only a killed writer leaves one behind. */
#define TEMP_TRIES 64u

struct published {
	uint64_t sequence;
	/* What tells it from a file that took its name: inodes are reused. */
	uint64_t device;
	uint64_t inode;
	struct timespec written;
	uint32_t number; /* %n */
	enum lks_place place;
};

static enum lks_place place;
static uint32_t next_number; /* of the next file */
static int fd = -1;
static char path[LKS_PATH_BYTES];
static char temp[LKS_PATH_BYTES]; /* empty: there is no temporary file */
static char last_path[LKS_PATH_BYTES];
static char dump_path[LKS_PATH_BYTES];
static char note[512];
static char error[512];
static char scrape_error[512];
static bool is_scrape; /* whose error the next one is */
static struct published published[LKS_KEEP_MAX + 1];
static uint32_t published_count;

static long
make_path(enum lks_place where, uint32_t number)
{
	return lks_outname_make(where, number, path, sizeof(path));
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
	char unknown = lks_outname_resolve();
	long result;

	if (unknown != '\0') {
		char code[2] = { unknown, '\0' };

		lks_msg("out= has an unknown code %%%s", code);
	}
	next_number = lks_outname_first();
	published_count = 0;
	place = LKS_PLACE_WANTED;
	result = make_path(LKS_PLACE_WANTED, next_number);
	if (result == 0) {
		cut_to_directory();
		result = lks_sys3(SYS_faccessat, AT_FDCWD, path, W_OK | X_OK);
	}
	if (lks_sys_failed(result)) {
		place = LKS_PLACE_FALLBACK;
		lks_format(note, sizeof(note), "cannot write in '%s': %s", path,
			   lks_errno_text(result));
		result = make_path(LKS_PLACE_FALLBACK, next_number);
		if (result == 0) {
			cut_to_directory();
			result = lks_own_directory(path)
					 ? lks_sys3(SYS_faccessat, AT_FDCWD,
						    path, W_OK | X_OK)
					 : -EACCES;
		}
		if (result == 0)
			lks_msg("%s: snapshots go to %s/", note, path);
		else
			lks_msg("%s: no snapshot can be written, not in %s/ "
				"either",
				note, path);
	}
}

void
lks_sink_fork_child(void)
{
	/* What the parent was writing is its own: file and descriptor. */
	fd = -1;
	temp[0] = '\0';
	last_path[0] = '\0';
	dump_path[0] = '\0';
	error[0] = '\0';
	scrape_error[0] = '\0';
	is_scrape = false;
	published_count = 0;
	lks_outname_resolve();
	next_number = lks_outname_first();
}

/* --- one file --- */

void
lks_sink_fail(const char *what, long result)
{
	char *text = is_scrape ? scrape_error : error;

	if (lks_sys_failed(result))
		lks_format(text, sizeof(error), "%s: %s (errno %ld)", what,
			   lks_errno_text(result), -result);
	else
		lks_copy_text(text, sizeof(error), what);
}

/* A temporary file beside the final one; a descriptor or a negative errno. */
static long
open_temp(enum lks_place where)
{
	long result = make_path(where, next_number);

	if (result != 0)
		return result;
	result = -EEXIST;
	cut_to_directory();
	if (where == LKS_PLACE_FALLBACK && !lks_own_directory(path))
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
	/* The user may have changed, and with it the fallback. */
	lks_outname_resolve();
	result = open_temp(LKS_PLACE_WANTED);
	if (!lks_sys_failed(result)) {
		place = LKS_PLACE_WANTED;
		note[0] = '\0';
	} else {
		lks_format(note, sizeof(note), "cannot write in '%s': %s", path,
			   lks_errno_text(result));
		if (place == LKS_PLACE_WANTED)
			lks_msg("%s", note);
		result = open_temp(LKS_PLACE_FALLBACK);
		place = LKS_PLACE_FALLBACK;
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
	result = lks_sys5(SYS_renameat2, AT_FDCWD, temp, AT_FDCWD, path, 0);
	/* Who cleans up may have removed ours: then none is published. */
	if (lks_sys_failed(result))
		lks_sys3(SYS_unlinkat, AT_FDCWD, path, 0);
	return result;
}

/* `path`, of a snapshot, becomes that of a dump. */
static long
make_dump_path(void)
{
	static const char snap[] = ".snap";
	size_t length = strlen(path);

	if (length > sizeof(snap) - 1 &&
	    strcmp(path + length - (sizeof(snap) - 1), snap) == 0)
		length -= sizeof(snap) - 1;
	if (lks_copy_text(path + length, sizeof(path) - length, ".dump") >=
	    sizeof(path) - length)
		return -ENAMETOOLONG;
	return 0;
}

/* Finds a free number, from the next one on; *number is left at it. */
static long
publish_under_free_name(uint32_t *number, bool dump)
{
	for (uint32_t i = 0; i < NAME_TRIES; i++) {
		long result = make_path(place, next_number + i);

		if (result == 0 && dump)
			result = make_dump_path();
		if (result == 0)
			result = publish_as_path();
		if (result == -EEXIST)
			continue;
		*number = next_number + i;
		return result;
	}
	return -EEXIST;
}

/* Network file systems say only at the end what went wrong. */
static bool
publish(uint32_t *number, bool dump)
{
	long result = lks_sys_close(fd);

	fd = -1;
	if (!lks_sys_failed(result))
		result = publish_under_free_name(number, dump);
	if (lks_sys_failed(result)) {
		lks_sink_fail(dump ? "cannot give the dump its name"
				   : "cannot give the snapshot its name",
			      result);
		return false;
	}
	temp[0] = '\0';
	return true;
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

	if (!publish(&next_number, false))
		return false;
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

bool
lks_sink_publish_dump(void)
{
	uint32_t unused;

	if (!publish(&unused, true))
		return false;
	lks_copy_text(dump_path, sizeof(dump_path), path);
	return true;
}

void
lks_sink_discard(void)
{
	if (fd >= 0)
		lks_sys_close(fd);
	lks_sink_recover();
}

/* --- for one asker --- */

void
lks_sink_begin_scrape(void)
{
	scrape_error[0] = '\0';
	is_scrape = true;
}

bool
lks_sink_open_scrape(void)
{
	long result = -ENOENT;

	if (lks_status_scrape(temp, sizeof(temp), true))
		result = -EEXIST;
	/* One left by a killed writer is in the way once. */
	for (int i = 0; i < 2 && result == -EEXIST; i++) {
		result = lks_sys_open(temp,
				      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
					      O_NOCTTY,
				      0600);
		if (result == -EEXIST)
			lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
	}
	if (lks_sys_failed(result)) {
		temp[0] = '\0';
		lks_sink_fail("cannot create a file beside the status file",
			      result);
		return false;
	}
	lks_sys2(SYS_fchmod, result, 0600); /* whatever the umask */
	fd = (int)result;
	return true;
}

bool
lks_sink_publish_scrape(void)
{
	long result = lks_sys_close(fd);

	fd = -1;
	if (!lks_sys_failed(result))
		result = lks_status_scrape(path, sizeof(path), false)
				 ? lks_sys5(SYS_renameat2, AT_FDCWD, temp,
					    AT_FDCWD, path, 0)
				 : -ENOENT;
	if (lks_sys_failed(result)) {
		lks_sink_fail("cannot give the snapshot its name", result);
		return false;
	}
	temp[0] = '\0';
	is_scrape = false;
	return true;
}

const char *
lks_sink_scrape_error(void)
{
	return scrape_error;
}

void
lks_sink_recover(void)
{
	fd = -1;
	if (temp[0] != '\0')
		lks_sys3(SYS_unlinkat, AT_FDCWD, temp, 0);
	temp[0] = '\0';
	is_scrape = false;
}

const char *
lks_sink_template(void)
{
	return lks_outname_template(place);
}

const char *
lks_sink_last_path(void)
{
	return last_path;
}

const char *
lks_sink_dump_path(void)
{
	return dump_path;
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
