/* Who may have written a status file, and what may lie in its way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../proto/limits.h"
#include "procfs.h"
#include "status.h"

/*
 * Opens a directory below the target's root. There the target may have made
 * links that lead out of it, so the kernel is told to stay inside; one that
 * can't be told (before 5.6, or a filter) gets no look into foreign roots.
 */
static int
open_directory(const struct status_place *place)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};

	if (place->root < 0)
		return open(place->directory, (int)how.flags);
	return (int)syscall(SYS_openat2, place->root, place->directory, &how,
			    sizeof(how));
}

static int
fail_open(const struct status_place *place, const char *name, struct err *err)
{
	bool foreign = errno == EACCES && place->owner != geteuid();

	return err_set(err, ERR_TARGET, "cannot open '%s%s%s%s': %s%s",
		       place->prefix, place->directory, *name ? "/" : "", name,
		       strerror(errno),
		       foreign ? " (it takes its own user, or root)" : "");
}

/* The directory's descriptor, -1 where there is none, -2 with `err`. */
static int
take_directory(const struct status_place *place, struct err *err)
{
	struct stat st;
	int fd = open_directory(place);

	if (fd < 0) {
		if (errno == ENOENT)
			return -1;
		fail_open(place, "", err);
		return -2;
	}
	if (fstat(fd, &st) < 0) {
		fail_open(place, "", err);
		close(fd);
		return -2;
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != place->owner ||
	    (st.st_mode & 077)) {
		err_set(err, ERR_TARGET,
			"'%s%s' is not trusted: it must be a directory of uid "
			"%u that is closed to others",
			place->prefix, place->directory,
			(unsigned int)place->owner);
		close(fd);
		return -2;
	}
	return fd;
}

/* The text of an open status file, or NULL with `err`. */
static char *
take_text(int fd, const struct status_place *place, size_t *bytes,
	  struct err *err)
{
	struct strbuf text = { 0 };
	struct stat st;

	if (fstat(fd, &st) < 0) {
		fail_open(place, place->name, err);
		return NULL;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != place->owner ||
	    (st.st_mode & 077)) {
		err_set(err, ERR_TARGET,
			"'%s%s/%s' is not trusted: it must be a regular file "
			"of uid %u that is closed to others",
			place->prefix, place->directory, place->name,
			(unsigned int)place->owner);
		return NULL;
	}
	if (strbuf_read(&text, fd, LKS_STATUS_BYTES) < 0) {
		if (errno == EFBIG)
			err_set(err, ERR_TARGET,
				"'%s%s/%s': larger than %d "
				"bytes",
				place->prefix, place->directory, place->name,
				LKS_STATUS_BYTES);
		else
			fail_open(place, place->name, err);
		strbuf_release(&text);
		return NULL;
	}
	*bytes = text.len;
	return strbuf_detach(&text);
}

static int
read_in(struct status *out, int directory, const struct status_place *place,
	struct err *err)
{
	char *text, label[256];
	size_t bytes;
	int fd;

	/* O_NONBLOCK: a FIFO planted there must not hold us. */
	fd = openat(directory, place->name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail_open(place, place->name, err);
	text = take_text(fd, place, &bytes, err);
	close(fd);
	if (!text)
		return -1;
	snprintf(label, sizeof(label), "%s%s/%s", place->prefix,
		 place->directory, place->name);
	return status_parse(out, text, bytes, label, err) < 0 ? -1 : 1;
}

int
status_read(struct status *out, const struct status_place *place,
	    struct err *err)
{
	int directory = take_directory(place, err);
	int result;

	if (directory < 0)
		return directory == -1 ? 0 : -1;
	result = read_in(out, directory, place, err);
	close(directory);
	return result;
}

int
status_open_directory(const struct status_place *place, struct err *err)
{
	int directory = take_directory(place, err);

	if (directory == -1)
		return fail_open(place, "", err);
	return directory < 0 ? -1 : directory;
}

void
status_remove(const struct status_place *place, const struct status *seen)
{
	struct status now = { .text = NULL };
	struct err err;
	int directory = take_directory(place, &err);

	if (directory < 0)
		return;
	/* Between this look and the removal a new process of that pid may put
	 * its own file there. It is written anew at its next snapshot. */
	if (read_in(&now, directory, place, &err) == 1) {
		if (now.pid == seen->pid &&
		    now.start_ticks == seen->start_ticks)
			unlinkat(directory, place->name, 0);
		status_release(&now);
	}
	close(directory);
}

/* --- what killed processes leave --------------------------------------------- */

/* Entries that one sweep looks at: more would make the user wait. */
#define SWEEP_MAX 10000

/* The pid in `NAMESPACE-PID`, which for a file being written has a suffix; 0:
 * not a name of that namespace. */
static pid_t
pid_of_name(const char *name, uint64_t pid_namespace, bool *whole)
{
	unsigned long long number;
	char *end;

	if (*name < '0' || *name > '9')
		return 0;
	errno = 0;
	number = strtoull(name, &end, 10);
	if (errno || number != pid_namespace || *end != '-')
		return 0;
	name = end + 1;
	if (*name < '0' || *name > '9')
		return 0;
	number = strtoull(name, &end, 10);
	*whole = *end == '\0';
	return errno || number > INT32_MAX ? 0 : (pid_t)number;
}

static void
remove_of_ended(int directory, const char *name, uid_t owner)
{
	struct stat st;

	if (!fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISREG(st.st_mode) && st.st_uid == owner)
		unlinkat(directory, name, 0);
}

/* Its pid was given to another process. */
static bool
is_of_another(int directory, const struct status_place *place, pid_t pid)
{
	struct status status = { .text = NULL };
	struct procfs_stat stat;
	struct procfs proc;
	bool other = false;
	struct err err;

	if (read_in(&status, directory, place, &err) != 1)
		return false;
	if (procfs_open(&proc, pid) == 0) {
		other = status.pid == (uint64_t)pid &&
			procfs_stat(&proc, &stat) == 0 &&
			stat.start_ticks != status.start_ticks;
		procfs_close(&proc);
	}
	status_release(&status);
	return other;
}

static void
sweep_entry(int directory, const struct status_place *place, const char *name,
	    uint64_t pid_namespace)
{
	struct status_place entry = *place;
	bool whole;
	pid_t pid = pid_of_name(name, pid_namespace, &whole);

	if (!pid)
		return;
	/* Not by /proc, which may hide processes (hidepid=). */
	if (kill(pid, 0) < 0 && errno == ESRCH) {
		remove_of_ended(directory, name, place->owner);
		return;
	}
	if (!whole || strlen(name) >= sizeof(entry.name))
		return;
	memcpy(entry.name, name, strlen(name) + 1);
	if (is_of_another(directory, &entry, pid))
		remove_of_ended(directory, name, place->owner);
}

void
status_sweep(const struct status_place *place, uint64_t pid_namespace)
{
	struct err err;
	int directory = take_directory(place, &err);
	const struct dirent *entry;
	DIR *stream = NULL;
	int fd, i;

	if (directory < 0)
		return;
	fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		stream = fdopendir(fd);
	for (i = 0; stream && i < SWEEP_MAX; i++) {
		entry = readdir(stream);
		if (!entry)
			break;
		sweep_entry(directory, place, entry->d_name, pid_namespace);
	}
	if (stream)
		closedir(stream);
	else if (fd >= 0)
		close(fd);
	close(directory);
}
