#include "scrape.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/clock.h"
#include "../analyzer/xalloc.h"
#include "bell.h"

/* Behind the status file's name (../proto/status.h). */
#define SCRAPE_SUFFIX ".scrape"
/* Another asker may have fetched what was ours too. */
#define TRIES 3

struct kept {
	const char *key;
	struct strbuf body;
};

struct scrape {
	int fd;
	char file[32];     /* "/proc/self/fd/N" */
	uint64_t begun_ns; /* CLOCK_MONOTONIC; when it was asked for */
	uint64_t taken_ns; /* CLOCK_MONOTONIC */
	uint64_t wall_ns;
	uint64_t took_ns;
	bool trimmed;
	_Atomic unsigned int held;
	pthread_mutex_t lock;
	struct kept kept[SCRAPE_BODIES_MAX]; /* guard: lock */
	size_t kept_count;                   /* guard: lock */
};

/* Asked for at `begun_ns`. */
static struct scrape *
scrape_new(int fd, bool trimmed, uint64_t begun_ns)
{
	struct scrape *scrape = xcalloc(1, sizeof(*scrape));

	scrape->fd = fd;
	snprintf(scrape->file, sizeof(scrape->file), "/proc/self/fd/%d", fd);
	scrape->begun_ns = begun_ns;
	scrape->taken_ns = clock_ns(CLOCK_MONOTONIC);
	scrape->took_ns = scrape->taken_ns - begun_ns;
	scrape->wall_ns = clock_ns(CLOCK_REALTIME) - scrape->took_ns;
	scrape->trimmed = trimmed;
	atomic_init(&scrape->held, 1);
	pthread_mutex_init(&scrape->lock, NULL);
	return scrape;
}

struct scrape *
scrape_hold(struct scrape *scrape)
{
	atomic_fetch_add(&scrape->held, 1);
	return scrape;
}

void
scrape_put(struct scrape *scrape)
{
	size_t i;

	if (!scrape || atomic_fetch_sub(&scrape->held, 1) != 1)
		return;
	for (i = 0; i < scrape->kept_count; i++)
		strbuf_release(&scrape->kept[i].body);
	close(scrape->fd);
	pthread_mutex_destroy(&scrape->lock);
	free(scrape);
}

const char *
scrape_file(const struct scrape *scrape)
{
	return scrape->file;
}

uint64_t
scrape_wall_ns(const struct scrape *scrape)
{
	return scrape->wall_ns;
}

uint64_t
scrape_took_ns(const struct scrape *scrape)
{
	return scrape->took_ns;
}

uint64_t
scrape_bytes(const struct scrape *scrape)
{
	struct stat st;

	return fstat(scrape->fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* Opens what the process wrote for us and removes its name. Returns a
 * descriptor, -2 if it is not there, -1 with `err`. */
static int
fetch(const struct target *target, struct err *err)
{
	int directory = status_open_directory(&target->place, err);
	char name[sizeof(target->place.name) + sizeof(SCRAPE_SUFFIX)];
	struct stat st;
	int fd;

	if (directory < 0)
		return -1;
	snprintf(name, sizeof(name), "%s" SCRAPE_SUFFIX, target->place.name);
	/* The directory is the process's alone, and it may put there what it
	 * likes. */
	fd = openat(directory, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		fd = -2;
	} else if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, ERR_STEP, "cannot open '%s%s/%s': %s",
			target->place.prefix, target->place.directory, name,
			strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
		   st.st_uid != target->place.owner) {
		err_set(err, ERR_STEP,
			"'%s%s/%s' is not trusted: it must be a regular file "
			"of uid %u with no other name",
			target->place.prefix, target->place.directory, name,
			(unsigned int)target->place.owner);
		close(fd);
		fd = -1;
	} else {
		unlinkat(directory, name, 0);
	}
	close(directory);
	return fd;
}

/* One that nobody but us has. */
static int
ask_locked(struct target *target, struct err *err)
{
	int fd = -2, tries;

	for (tries = 0; fd == -2 && tries < TRIES; tries++) {
		if (bell_ask(target, LKS_BELL_SCRAPE, SCRAPE_TIMEOUT_S, err) <
		    0)
			return -1;
		if (*target->status.scrape_error)
			return err_set(err, ERR_STEP,
				       "process %d has no snapshot: %s",
				       (int)target->proc.pid,
				       target->status.scrape_error);
		fd = fetch(target, err);
	}
	if (fd == -2)
		return err_set(err, ERR_STEP,
			       "process %d answered without a snapshot: its "
			       "libleakshim.so is older than this program",
			       (int)target->proc.pid);
	return fd;
}

/* With the process's lock. `trim`: after what is free was given back. */
static int
take_locked(struct served_process *process, bool trim, struct err *err)
{
	struct target *target = &process->target;

	if (target_require(target, err) < 0)
		return -1;
	served_compare(process);
	if (served_require_running(process, err) < 0 ||
	    bell_check(target, LKS_BELL_SCRAPE, err) < 0 ||
	    (trim &&
	     bell_ask(target, LKS_BELL_TRIM, SCRAPE_TIMEOUT_S, err) < 0))
		return -1;
	return ask_locked(target, err);
}

static struct scrape *
take_new_locked(struct served_process *process, bool trim, struct err *err)
{
	uint64_t begun_ns = clock_ns(CLOCK_MONOTONIC);
	int fd = take_locked(process, trim, err);

	if (fd < 0) {
		process->failed_ns = clock_ns(CLOCK_MONOTONIC);
		process->failure = *err;
		return NULL;
	}
	scrape_put(process->scrape);
	process->scrape = scrape_new(fd, trim, begun_ns);
	return scrape_hold(process->scrape);
}

/* One that does not answer is waited for once by all who wait for it, not by one
 * after the other. */
static bool
failed_since(const struct served_process *process, uint64_t asked_ns,
	     struct err *err)
{
	if (process->failed_ns < asked_ns)
		return false;
	*err = process->failure;
	return true;
}

struct scrape *
scrape_take(struct served_process *process, bool trim, struct err *err)
{
	uint64_t asked_ns = clock_ns(CLOCK_MONOTONIC);
	struct scrape *last, *scrape;

	pthread_mutex_lock(&process->lock);
	last = process->scrape;
	if (failed_since(process, asked_ns, err))
		scrape = NULL;
	else if (last && last->trimmed == trim &&
		 clock_ns(CLOCK_MONOTONIC) - last->taken_ns <
			 SCRAPE_SHARED_MS * 1000000ull)
		scrape = scrape_hold(last);
	else if (last && served_has_ended(process))
		scrape = scrape_hold(last);
	else
		scrape = take_new_locked(process, trim, err);
	pthread_mutex_unlock(&process->lock);
	return scrape;
}

struct scrape *
scrape_take_new(struct served_process *process, struct err *err)
{
	uint64_t asked_ns = clock_ns(CLOCK_MONOTONIC);
	struct scrape *last, *scrape = NULL;

	pthread_mutex_lock(&process->lock);
	last = process->scrape;
	if (last && !last->trimmed && last->begun_ns >= asked_ns)
		scrape = scrape_hold(last);
	else if (!failed_since(process, asked_ns, err))
		scrape = take_new_locked(process, false, err);
	pthread_mutex_unlock(&process->lock);
	return scrape;
}

int
scrape_body(struct scrape *scrape, const char *key, scrape_make *make,
	    void *context, struct strbuf *out, struct err *err)
{
	struct kept *kept = NULL;
	int result = 0;
	size_t i;

	pthread_mutex_lock(&scrape->lock);
	for (i = 0; i < scrape->kept_count; i++) {
		if (!strcmp(scrape->kept[i].key, key))
			kept = &scrape->kept[i];
	}
	if (!kept) {
		struct strbuf body = { 0 };

		result = make(scrape, context, &body, err);
		if (result || scrape->kept_count == SCRAPE_BODIES_MAX) {
			if (!result)
				strbuf_add(out, strbuf_text(&body), body.len);
			strbuf_release(&body);
		} else {
			kept = &scrape->kept[scrape->kept_count++];
			*kept = (struct kept){ key, body };
		}
	}
	if (kept)
		strbuf_add(out, strbuf_text(&kept->body), kept->body.len);
	pthread_mutex_unlock(&scrape->lock);
	return result;
}
