#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "ident.h"
#include "sys.h"

/* The kernel's record of a directory entry (getdents64(2)). */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes; /* of this record */
	uint8_t type;
	char name[];
};

/* Not on the stack, which may be a small thread's. */
static _Alignas(struct entry) char entries[4096];

/* What stands behind NAMESPACE-PID (status.h). Requests are the asker's. */
static bool
is_suffix_of_ours(const char *suffix)
{
	return *suffix == '\0' || strcmp(suffix, ".tmp") == 0 ||
	       strcmp(suffix, ".scrape") == 0 ||
	       strcmp(suffix, ".scrape.tmp") == 0;
}

/* NAMESPACE-PID, or that with a suffix, of a process of ours that is gone. */
static bool
is_left_over(const char *name)
{
	uint64_t namespace;
	uint64_t pid;

	if (!lks_parse_u64(&name, &namespace) || *name++ != '-' ||
	    !lks_parse_u64(&name, &pid) || !is_suffix_of_ours(name))
		return false;
	return namespace == lks_ident.pid_namespace && pid > 0 &&
	       pid <= INT32_MAX && lks_sys2(SYS_kill, pid, 0) == -ESRCH;
}

static uint32_t
sweep_buffer(int fd, long bytes)
{
	uint32_t count = 0;

	for (long at = 0; at < bytes; count++) {
		const struct entry *entry =
			(const struct entry *)(const void *)(entries + at);

		if (is_left_over(entry->name))
			lks_sys3(SYS_unlinkat, fd, entry->name, 0);
		at += entry->bytes;
	}
	return count;
}

void
lks_sweep(const char *directory)
{
	uint32_t seen = 0;
	long bytes;
	long fd;

	/* Without /proc we don't know whose pids we know. */
	if (lks_ident.pid_namespace == 0)
		return;
	fd = lks_sys_open(directory,
			  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (lks_sys_failed(fd))
		return;
	while (seen < LKS_SWEEP_ENTRIES &&
	       (bytes = lks_sys3(SYS_getdents64, fd, entries,
				 sizeof(entries))) > 0)
		seen += sweep_buffer((int)fd, bytes);
	lks_sys_close((int)fd);
}
