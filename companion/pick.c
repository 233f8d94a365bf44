#include "pick.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "procfs.h"
#include "procfs_names.h"

bool
pick_is_pid(const char *word)
{
	return *word && !word[strspn(word, "0123456789")];
}

static void
add(struct pick *pick, size_t *capacity, pid_t pid)
{
	pick->pids = xgrow(pick->pids, capacity, pick->count + 1,
			   sizeof(*pick->pids));
	pick->pids[pick->count++] = pid;
}

/* A process that ends while it is looked at is not meant. */
static bool
is_meant(pid_t pid, const char *name)
{
	struct procfs_names names;
	struct procfs_stat stat;
	struct procfs proc;
	bool result = false;

	if (procfs_open(&proc, pid) < 0)
		return false;
	if (!procfs_stat(&proc, &stat) && !procfs_is_zombie(&stat) &&
	    !procfs_names(&proc, &names)) {
		result = !names.kernel && procfs_names_match(&names, name);
		procfs_names_release(&names);
	}
	procfs_close(&proc);
	return result;
}

static int
compare(const void *a, const void *b)
{
	const pid_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static int
fail(struct err *err, const char *before, const char *word, const char *after)
{
	struct strbuf quoted = { 0 };

	strbuf_add_quoted(&quoted, word);
	err_set(err, ERR_TARGET, "%s%s%s", before, strbuf_text(&quoted), after);
	strbuf_release(&quoted);
	return -1;
}

/* Those that `is_wanted` says, NULL: all. */
static int
collect(struct pick *out, bool (*is_wanted)(pid_t pid, const char *name),
	const char *name, struct err *err)
{
	const struct dirent *entry;
	size_t capacity = 0;
	uint64_t pid;
	DIR *dir;

	memset(out, 0, sizeof(*out));
	/* It lists processes alone: threads are a level below. */
	dir = opendir("/proc");
	if (!dir)
		return err_set(err, ERR_TARGET, "cannot look at /proc: %s",
			       strerror(errno));
	while ((entry = readdir(dir))) {
		if (pick_is_pid(entry->d_name) &&
		    parse_count(entry->d_name, &pid) && pid <= INT32_MAX &&
		    (pid_t)pid != getpid() &&
		    (!is_wanted || is_wanted((pid_t)pid, name)))
			add(out, &capacity, (pid_t)pid);
	}
	closedir(dir);
	if (out->count)
		qsort(out->pids, out->count, sizeof(*out->pids), compare);
	return 0;
}

int
pick_all(struct pick *out, struct err *err)
{
	return collect(out, NULL, NULL, err);
}

static int
pick_named(struct pick *out, const char *name, struct err *err)
{
	if (collect(out, is_meant, name, err) < 0)
		return -1;
	return out->count ? 0 : fail(err, "no process is called ", name, "");
}

int
pick_processes(struct pick *out, const char *word, struct err *err)
{
	size_t capacity = 0;
	uint64_t pid;

	memset(out, 0, sizeof(*out));
	if (!pick_is_pid(word))
		return pick_named(out, word, err);
	if (!parse_count(word, &pid) || pid < 1 || pid > INT32_MAX)
		return fail(err, "", word, " is not a PID");
	add(out, &capacity, (pid_t)pid);
	return 0;
}

void
pick_release(struct pick *pick)
{
	free(pick->pids);
	memset(pick, 0, sizeof(*pick));
}
