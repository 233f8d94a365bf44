#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../proto/defaults.h"
#include "overlay.h"
#include "procfs_body.h"

/* Real, effective and saved uid, root's and our own. */
#define UIDS_MAX 5

/* How often, and how far apart, a process is looked at that has the shim or
 * has just started, but no status file: a second in all. */
#define LOOKS 20
#define LOOK_NS 50000000

/* A directory's name around the uid. */
static const struct {
	const char *before;
	const char *after;
} directories[] = {
	{ "/run/user/", "/leakshim" },
	{ LKS_FALLBACK_DIRECTORY, "" },
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

void
target_sweep(void)
{
	struct status_place place = {
		.root = -1,
		.owner = geteuid(),
	};
	size_t i;

	for (i = 0; i < DIRECTORY_COUNT; i++) {
		set_directory(&place, i, place.owner);
		status_sweep(&place, own_namespace());
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

/* A process may go to another root after we took hold of it, as what starts a
 * container does. Where we may not look any more, the one we had is kept. */
static void
look_at_root(struct target *target)
{
	int now = procfs_body_open(&target->proc, "root", O_PATH | O_DIRECTORY);

	if (now < 0)
		return;
	if (target->root >= 0)
		close(target->root);
	target->root = -1;
	if (procfs_other_root(&target->proc))
		target->root = now;
	else
		close(now);
}

int
target_check_proc(struct err *err)
{
	char self[16], own[16];
	ssize_t bytes = readlink("/proc/self", self, sizeof(self) - 1);

	snprintf(own, sizeof(own), "%d", (int)getpid());
	self[bytes > 0 ? bytes : 0] = '\0';
	if (!strcmp(self, own))
		return 0;
	return err_set(err, ERR_TARGET,
		       "/proc is not that of our pid namespace: mount it anew "
		       "(unshare --mount-proc)");
}

int
target_open(struct target *target, pid_t pid, struct err *err)
{
	target_sweep();
	return target_hold(target, pid, err);
}

int
target_hold(struct target *target, pid_t pid, struct err *err)
{
	memset(target, 0, sizeof(*target));
	target->root = -1;
	snprintf(target->root_name, sizeof(target->root_name), "/proc/%d/root",
		 (int)pid);
	if (target_check_proc(err) < 0)
		return -1;
	if (procfs_open(&target->proc, pid) < 0)
		return fail(target, err);
	if (look(target, err) < 0) {
		procfs_close(&target->proc);
		return -1;
	}
	look_at_root(target);
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
	bool guess; /* the place is of no user that the process has: what lies
		     * there may be anybody's, and is nothing to complain of */
};

/* Looks at one place; the newest file of this very process wins. */
static void
try_place(struct search *search, const struct status_place *place)
{
	struct target *target = search->target;
	struct status status;
	struct err err;
	int result = status_read(&status, place, &err);

	if (result < 0 && !search->complained && !search->guess) {
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
	const struct procfs_status *who = &search->target->who;
	uid_t inside;
	size_t i, j;

	for (i = 0; i < count; i++) {
		place->owner = uids[i];
		search->guess = uids[i] != who->effective_uid &&
				uids[i] != who->real_uid &&
				uids[i] != who->saved_uid;
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

	look_at_root(target);
	set_name(&place, target->pid_namespace, target->who.own_pid);
	if (target->root >= 0) {
		place.root = target->root;
		memcpy(place.prefix, target->root_name, sizeof(place.prefix));
		try_root(&search, &place, uids, count);
	}
	/* Also where it is in another root now: it may have gone there later
	 * (chroot), or have bound our directory into it. */
	place.root = -1;
	place.prefix[0] = '\0';
	try_root(&search, &place, uids, count);
	if (search.found)
		return 1;
	return search.complained ? -1 : 0;
}

/* Started within the last second. */
static bool
is_young(const struct target *target)
{
	uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return target->stat.start_ticks + ticks_per_s >=
	       (uint64_t)now.tv_sec * ticks_per_s;
}

int
target_require(struct target *target, struct err *err)
{
	const struct timespec pause = { 0, LOOK_NS };
	int pid = (int)target->proc.pid;
	int found = target_find(target, err);
	int maps = 0, looks;

	/* Right after its start the process is still a shell's child or
	 * resolves its symbols, and then writes its file. */
	for (looks = 0; found == 0 && looks < LOOKS; looks++) {
		maps = procfs_maps(&target->proc, OVERLAY_LIBRARY);
		if (maps < 0 || (maps == 0 && !is_young(target)))
			break;
		nanosleep(&pause, NULL);
		found = target_find(target, err);
	}
	if (found == 1)
		return 0;
	if (found < 0)
		return -1;
	switch (maps) {
	case 1:
		return err_set(err, ERR_TARGET,
			       "process %d has " OVERLAY_LIBRARY
			       " loaded but no "
			       "status file: it does not track (only=, "
			       "follow=), could not write one, or has just "
			       "started",
			       pid);
	case 0:
		return err_set(err, ERR_TARGET,
			       "process %d is not tracked: " OVERLAY_LIBRARY
			       " is not "
			       "loaded in it (start it with: leakshim run -- "
			       "CMD)",
			       pid);
	default:
		return fail(target, err);
	}
}

bool
target_moved_on(struct target *target)
{
	uint64_t bell = target->status.bell;

	return bell >= 1 && bell <= 64 &&
	       !procfs_status(&target->proc, 0, &target->who) &&
	       !(target->who.caught & 1ull << (bell - 1)) &&
	       procfs_maps(&target->proc, OVERLAY_LIBRARY) == 0;
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

int
target_check_path(const struct target *target, const char *path,
		  struct err *err)
{
	struct strbuf quoted = { 0 };
	bool good = path[0] == '/';
	const char *at;

	if (target->place.owner == geteuid())
		return 0;
	for (at = path; good && *at; at++)
		good = !strchr(" \t\n", *at) || at[1] != '-';
	if (good)
		return 0;
	strbuf_add_quoted(&quoted, path);
	err_set(err, ERR_STEP,
		"process %d of uid %u calls its file %s, which is not to be "
		"trusted",
		(int)target->proc.pid, (unsigned int)target->place.owner,
		strbuf_text(&quoted));
	strbuf_release(&quoted);
	return -1;
}
