#include "procfs_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "procfs_text.h"

/* The thread that stands in may end between the look-up and the use. */
#define TRIES 3

struct search {
	const struct procfs *proc;
	int found;
};

/* Stops at a thread that lives. */
static int
visit_thread(pid_t tid, void *as_search)
{
	struct search *search = as_search;
	struct procfs_status thread;
	char path[32];

	if (procfs_status(search->proc, tid, &thread) < 0 ||
	    thread.state == 'Z' || thread.state == 'X')
		return 0;
	snprintf(path, sizeof(path), "task/%d", (int)tid);
	search->found = procfs_text_open(search->proc->fd, path,
					 O_RDONLY | O_DIRECTORY);
	return search->found >= 0;
}

int
procfs_body_take(const struct procfs *proc)
{
	struct search search = { proc, -1 };
	struct procfs_stat stat;

	if (procfs_stat(proc, &stat) < 0 || stat.state != 'Z' ||
	    stat.threads < 2 ||
	    procfs_each_thread(proc, visit_thread, &search) != 1)
		return proc->fd;
	return search.found;
}

void
procfs_body_give(const struct procfs *proc, int body)
{
	int error = errno;

	if (body != proc->fd)
		close(body);
	errno = error;
}

int
procfs_body_open(const struct procfs *proc, const char *name, int flags)
{
	int i, body, fd = -1;
	bool stands_in = true;

	for (i = 0; fd < 0 && stands_in && i < TRIES; i++) {
		body = procfs_body_take(proc);
		stands_in = body != proc->fd;
		fd = procfs_text_open(body, name, flags);
		procfs_body_give(proc, body);
	}
	return fd;
}

char *
procfs_body_read(const struct procfs *proc, const char *name)
{
	bool stands_in = true;
	char *text = NULL;
	int i, body;

	for (i = 0; !text && stands_in && i < TRIES; i++) {
		body = procfs_body_take(proc);
		stands_in = body != proc->fd;
		text = procfs_text_read(body, name);
		procfs_body_give(proc, body);
	}
	return text;
}
