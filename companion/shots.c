#include "shots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "bell.h"
#include "scrape.h"

/* Of out=, with %n left in the base name. */
struct row {
	char *directory; /* as we open it; owned */
	char *before;    /* of the base name, around %n; owned */
	char *after;
	uid_t owner;
};

static void
row_release(struct row *row)
{
	free(row->directory);
	free(row->before);
	free(row->after);
}

static int
row_of(struct served_process *process, struct row *row, struct err *err)
{
	const struct target *target = &process->target;
	const char *slash, *hole;
	char *path;

	*row = (struct row){ 0 };
	pthread_mutex_lock(&process->lock);
	path = target_path(target, target->status.out);
	row->owner = target->who.effective_uid;
	pthread_mutex_unlock(&process->lock);
	slash = strrchr(path, '/');
	hole = slash ? strstr(slash, "%n") : NULL;
	if (!hole) {
		err_set(err, ERR_TARGET,
			"process %d does not number its snapshots: '%s'",
			(int)process->pid, path);
		free(path);
		return -1;
	}
	row->after = xstrdup(hole + 2);
	row->before = xmalloc((size_t)(hole - slash));
	memcpy(row->before, slash + 1, (size_t)(hole - slash - 1));
	row->before[hole - slash - 1] = '\0';
	path[slash - path] = '\0';
	row->directory = path;
	return 0;
}

/* 0: it is none of the row. */
static uint64_t
number_of(const struct row *row, const char *name)
{
	size_t before = strlen(row->before);
	uint64_t number = 0;

	if (strncmp(name, row->before, before) != 0)
		return 0;
	name += before;
	if (*name < '1' || *name > '9')
		return 0;
	for (; *name >= '0' && *name <= '9'; name++) {
		if (number > (UINT64_MAX - 9) / 10)
			return 0;
		number = number * 10 + (uint64_t)(*name - '0');
	}
	return strcmp(name, row->after) ? 0 : number;
}

/* Where the row lies is the word of the process: where we may read more than
 * its user, as root does, only that user's files are given out. */
static bool
counts(const struct row *row, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink == 1 &&
	       st->st_uid == row->owner;
}

static int
by_number(const void *a, const void *b)
{
	const struct shot *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* Keeps the newest. */
static void
add(struct shot *out, int *count, const struct shot *shot)
{
	int i, oldest = 0;

	if (*count < SHOTS_MAX) {
		out[(*count)++] = *shot;
		return;
	}
	for (i = 1; i < *count; i++) {
		if (out[i].number < out[oldest].number)
			oldest = i;
	}
	if (out[oldest].number < shot->number)
		out[oldest] = *shot;
}

int
shots_list(struct served_process *process, struct shot *out, struct err *err)
{
	struct dirent *entry;
	struct row row;
	struct stat st;
	struct shot shot;
	DIR *directory;
	int count = 0;

	if (row_of(process, &row, err) < 0)
		return -1;
	directory = opendir(row.directory);
	if (!directory) {
		err_set(err, ERR_OPEN, "cannot open '%s': %s", row.directory,
			strerror(errno));
		row_release(&row);
		return -1;
	}
	while ((entry = readdir(directory))) {
		shot.number = number_of(&row, entry->d_name);
		if (!shot.number ||
		    fstatat(dirfd(directory), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) < 0 ||
		    !counts(&row, &st))
			continue;
		shot.bytes = (uint64_t)st.st_size;
		shot.wall_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000u +
			       (uint64_t)st.st_mtim.tv_nsec;
		add(out, &count, &shot);
	}
	closedir(directory);
	row_release(&row);
	qsort(out, (size_t)count, sizeof(*out), by_number);
	return count;
}

int
shots_open(struct served_process *process, uint64_t number, struct err *err)
{
	struct strbuf path = { 0 };
	struct row row;
	struct stat st;
	int fd;

	if (row_of(process, &row, err) < 0)
		return -1;
	strbuf_addf(&path, "%s/%s%" PRIu64 "%s", row.directory, row.before,
		    number, row.after);
	/* It may be a pipe by now, which would wait for a writer. */
	fd = open(strbuf_text(&path),
		  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	strbuf_release(&path);
	row_release(&row);
	if (fd >= 0 && fstat(fd, &st) == 0 && counts(&row, &st))
		return fd;
	if (fd >= 0)
		close(fd);
	return err_set(err, ERR_TARGET, "process %d has no snapshot %" PRIu64,
		       (int)process->pid, number);
}

static int
take_locked(struct served_process *process, struct err *err)
{
	struct target *target = &process->target;

	if (target_require(target, err) < 0 ||
	    served_require_running(process, err) < 0 ||
	    bell_check(target, LKS_BELL_SNAPSHOT, err) < 0 ||
	    bell_ask(target, LKS_BELL_SNAPSHOT, SCRAPE_TIMEOUT_S, err) < 0)
		return -1;
	if (*target->status.error)
		return err_set(err, ERR_STEP, "process %d has no snapshot: %s",
			       (int)target->proc.pid, target->status.error);
	return 0;
}

uint64_t
shots_take(struct served_process *process, char **path, struct err *err)
{
	struct row row;
	uint64_t number = 0;

	*path = NULL;
	pthread_mutex_lock(&process->lock);
	if (take_locked(process, err) == 0)
		*path = target_path(&process->target,
				    process->target.status.snapshot);
	pthread_mutex_unlock(&process->lock);
	if (*path && row_of(process, &row, err) == 0) {
		/* The next that was free, not the sequence in it. */
		number = number_of(&row, path_base(*path));
		if (!number)
			err_set(err, ERR_STEP,
				"process %d wrote '%s', which is not in its row",
				(int)process->pid, path_base(*path));
		row_release(&row);
	}
	if (!number) {
		free(*path);
		*path = NULL;
	}
	return number;
}
