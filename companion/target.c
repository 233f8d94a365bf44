#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"

#define SHIM_NAME "libleakshim.so"

/* Real, effective and saved uid, root's and our own. */
#define UIDS_MAX 5

/* A directory's name around the uid. */
static const struct {
	const char *before;
	const char *after;
} directories[] = {
	{ "/run/user/", "/leakshim" },
	{ "/tmp/leakshim-", "" },
};

#define DIRECTORY_COUNT (sizeof(directories) / sizeof(directories[0]))

static uint64_t
own_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 ? 0 : st.st_ino;
}

static void
set_directory(struct status_place *place, size_t i, uid_t uid)
{
	snprintf(place->directory, sizeof(place->directory), "%s%u%s",
		 directories[i].before, (unsigned int)uid,
		 directories[i].after);
}

static void
set_name(struct status_place *place, uint64_t pid_namespace, pid_t pid)
{
	snprintf(place->name, sizeof(place->name), "%" PRIu64 "-%d",
		 pid_namespace, (int)pid);
}

/* The file of a process of ours that ended without removing it (kill -9). */
static void
remove_stale(pid_t pid)
{
	struct status_place place = {
		.root = -1,
		.prefix = "",
		.owner = geteuid(),
	};
	struct status status;
	struct err err;
	size_t i;

	set_name(&place, own_namespace(), pid);
	for (i = 0; i < DIRECTORY_COUNT; i++) {
		set_directory(&place, i, place.owner);
		if (status_read(&status, &place, &err) != 1)
			continue;
		status_remove(&place, &status);
		status_release(&status);
	}
}

static int
fail(const struct target *target, struct err *err)
{
	int pid = (int)target->proc.pid;

	if (errno == ESRCH)
		return err_set(err, ERR_TARGET, "no such process: %d", pid);
	return err_set(err, ERR_TARGET, "cannot look at process %d: %s", pid,
		       strerror(errno));
}

/*
 * The pid namespace of a process that changed its uid (a daemon that dropped
 * root) is hidden from its own user. If it has one pid only it lives in ours.
 */
static int
find_namespace(struct target *target)
{
	if (!procfs_namespace(&target->proc, "pid", &target->pid_namespace))
		return 0;
	if (errno == ESRCH || target->who.pid_depth != 1)
		return -1;
	target->pid_namespace = own_namespace();
	return 0;
}

static int
look(struct target *target, struct err *err)
{
	int pid = (int)target->proc.pid;

	if (procfs_stat(&target->proc, &target->stat) < 0 ||
	    procfs_status(&target->proc, 0, &target->who) < 0)
		return fail(target, err);
	if (target->who.tgid != target->proc.pid)
		return err_set(err, ERR_TARGET,
			       "%d is a thread of process %d: name that one",
			       pid, (int)target->who.tgid);
	if (procfs_is_zombie(&target->stat))
		return err_set(
			err, ERR_TARGET,
			"process %d has ended (its parent has not waited "
			"for it yet)",
			pid);
	if (find_namespace(target) < 0)
		return fail(target, err);
	return 0;
}

int
target_open(struct target *target, pid_t pid, struct err *err)
{
	memset(target, 0, sizeof(*target));
	target->root = -1;
	snprintf(target->root_name, sizeof(target->root_name), "/proc/%d/root",
		 (int)pid);
	if (procfs_open(&target->proc, pid) < 0) {
		if (errno == ESRCH) {
			remove_stale(pid);
			errno = ESRCH;
		}
		return fail(target, err);
	}
	if (look(target, err) < 0) {
		procfs_close(&target->proc);
		return -1;
	}
	if (procfs_other_root(&target->proc))
		target->root = openat(target->proc.body, "root",
				      O_PATH | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

void
target_close(struct target *target)
{
	status_release(&target->status);
	if (target->root >= 0)
		close(target->root);
	procfs_close(&target->proc);
}

bool
target_alive(struct target *target)
{
	return !procfs_stat(&target->proc, &target->stat) &&
	       !procfs_is_zombie(&target->stat);
}

/* --- the search ------------------------------------------------------------- */

struct search {
	struct target *target;
	struct err *err; /* the first complaint */
	bool complained;
	bool found;
};

/* Looks at one place; the newest file of this very process wins. */
static void
try_place(struct search *search, const struct status_place *place)
{
	struct target *target = search->target;
	struct status status;
	struct err err;
	int result = status_read(&status, place, &err);

	if (result < 0 && !search->complained) {
		search->complained = true;
		*search->err = err;
	}
	if (result != 1)
		return;
	if (status.pid != (uint64_t)target->who.own_pid) {
		/* No shim writes this. */
		status_release(&status);
		return;
	}
	if (status.start_ticks != target->stat.start_ticks) {
		/* In another root the clock may differ as well (time
		 * namespaces), so no file is removed there. */
		if (place->root < 0)
			status_remove(place, &status);
		status_release(&status);
		return;
	}
	if (search->found && status.updated_ns <= target->status.updated_ns) {
		status_release(&status);
		return;
	}
	status_release(&target->status);
	target->status = status;
	target->place = *place;
	search->found = true;
}

/* All places below one root. */
static void
try_root(struct search *search, struct status_place *place, const uid_t *uids,
	 size_t count)
{
	uid_t inside;
	size_t i, j;

	for (i = 0; i < count; i++) {
		place->owner = uids[i];
		for (j = 0; j < DIRECTORY_COUNT; j++) {
			set_directory(place, j, uids[i]);
			try_place(search, place);
		}
		/* In a user namespace it calls itself by another number. */
		if (!procfs_inside_uid(&search->target->proc, uids[i],
				       &inside) ||
		    inside == uids[i])
			continue;
		for (j = 0; j < DIRECTORY_COUNT; j++) {
			set_directory(place, j, inside);
			try_place(search, place);
		}
	}
}

static void
add_uid(uid_t *uids, size_t *count, uid_t uid)
{
	size_t i;

	for (i = 0; i < *count; i++)
		if (uids[i] == uid)
			return;
	uids[(*count)++] = uid;
}

/* Whose directories may hold the file: a daemon started as root leaves its
 * first one in root's. Root's is in reach only if we are root. */
static size_t
list_uids(const struct target *target, uid_t *uids)
{
	size_t count = 0;

	add_uid(uids, &count, target->who.effective_uid);
	add_uid(uids, &count, target->who.real_uid);
	add_uid(uids, &count, target->who.saved_uid);
	if (geteuid() == 0)
		add_uid(uids, &count, 0);
	add_uid(uids, &count, geteuid());
	return count;
}

int
target_find(struct target *target, struct err *err)
{
	struct search search = { .target = target, .err = err };
	struct status_place place = { 0 };
	uid_t uids[UIDS_MAX];
	size_t count = list_uids(target, uids);

	set_name(&place, target->pid_namespace, target->who.own_pid);
	if (target->root >= 0) {
		place.root = target->root;
		place.prefix = target->root_name;
		try_root(&search, &place, uids, count);
	}
	/* Also where it is in another root now: it may have gone there later
	 * (chroot), or have bound our directory into it. */
	place.root = -1;
	place.prefix = "";
	try_root(&search, &place, uids, count);
	if (search.found)
		return 1;
	return search.complained ? -1 : 0;
}

int
target_require(struct target *target, struct err *err)
{
	int pid = (int)target->proc.pid;
	int found = target_find(target, err);

	if (found == 1)
		return 0;
	if (found < 0)
		return -1;
	switch (procfs_maps(&target->proc, SHIM_NAME)) {
	case 1:
		return err_set(err, ERR_TARGET,
			       "process %d has " SHIM_NAME " loaded but no "
			       "status file: it does not track (only=, "
			       "follow=), could not write one, or was forked "
			       "a moment ago",
			       pid);
	case 0:
		return err_set(err, ERR_TARGET,
			       "process %d is not tracked: " SHIM_NAME
			       " is not "
			       "loaded in it (start it with: leakshim run -- "
			       "CMD)",
			       pid);
	default:
		return fail(target, err);
	}
}

char *
target_path(const struct target *target, const char *path)
{
	struct strbuf buf = { 0 };

	if (path[0] == '/')
		strbuf_adds(&buf, target->place.prefix);
	strbuf_adds(&buf, path);
	return strbuf_detach(&buf);
}
