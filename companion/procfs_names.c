#include "procfs_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"
#include "procfs_body.h"
#include "procfs_text.h"

/* The kernel appends it to the name of a file that was removed or replaced
 * under the running program. */
#define DELETED " (deleted)"

/* The first bytes of a file, terminated, which is closed. -1 with errno, or as
 * `fd` is. */
static ssize_t
take_head(int fd, char *out, size_t cap)
{
	ssize_t count;
	int error;

	if (fd < 0)
		return -1;
	do {
		count = read(fd, out, cap - 1);
	} while (count < 0 && errno == EINTR);
	error = errno;
	close(fd);
	errno = error;
	if (count >= 0)
		out[count] = '\0';
	return count;
}

int
procfs_exe(const struct procfs *proc, char path[PATH_MAX], bool *deleted)
{
	int body = procfs_body_take(proc);
	ssize_t bytes = readlinkat(body, "exe", path, PATH_MAX - 1);
	size_t cut = sizeof(DELETED) - 1;
	bool was_deleted;

	procfs_body_give(proc, body);
	if (bytes < 0)
		return -1;
	path[bytes] = '\0';
	was_deleted = (size_t)bytes > cut &&
		      !strcmp(path + bytes - cut, DELETED);
	if (was_deleted)
		path[(size_t)bytes - cut] = '\0';
	if (deleted)
		*deleted = was_deleted;
	return 0;
}

int
procfs_names(const struct procfs *proc, struct procfs_names *out)
{
	char path[PATH_MAX] = "", argv0[PATH_MAX] = "";
	bool no_exe, no_arguments;
	ssize_t bytes;

	memset(out, 0, sizeof(*out));
	bytes = take_head(procfs_text_open(proc->fd, "comm", O_RDONLY),
			  out->comm, sizeof(out->comm));
	if (bytes < 0)
		return -1;
	if (bytes && out->comm[bytes - 1] == '\n')
		out->comm[bytes - 1] = '\0';
	no_exe = procfs_exe(proc, path, NULL) < 0;
	if (no_exe && errno != ENOENT && errno != EACCES && errno != EPERM)
		return -1;
	out->hidden = no_exe && errno != ENOENT;
	/* Everybody may read it. A program may have emptied it. */
	bytes = take_head(procfs_body_open(proc, "cmdline", O_RDONLY), argv0,
			  sizeof(argv0));
	no_arguments = bytes <= 0;
	out->kernel = no_exe && no_arguments;
	out->exe = xstrdup(path_base(path));
	out->argv0 = xstrdup(path_base(out->hidden ? "" : argv0));
	return 0;
}

void
procfs_names_release(struct procfs_names *names)
{
	free(names->exe);
	free(names->argv0);
	memset(names, 0, sizeof(*names));
}

bool
procfs_names_match(const struct procfs_names *names, const char *name)
{
	return *name &&
	       (!strcmp(name, names->comm) || !strcmp(name, names->exe) ||
		!strcmp(name, names->argv0));
}
