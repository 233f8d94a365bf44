#include "procfs_usage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs_body.h"
#include "procfs_text.h"

/* Fields of stat, as proc(5) numbers them. */
enum {
	FIELD_MINFLT = 10,
	FIELD_MAJFLT = 12,
	FIELD_UTIME = 14,
	FIELD_STIME = 15,
	FIELD_THREADS = 20,
	FIELD_START = 22,
};

/* "   1234 kB" after the key. A process has at most 2^47 bytes. */
static bool
parse_kib(const char *text, const char *key, uint64_t *bytes)
{
	const char *at = procfs_text_line(text, key);
	uint64_t kib;

	if (!at || sscanf(at, "%" SCNu64, &kib) != 1 || kib > UINT64_MAX / 1024)
		return false;
	*bytes = kib * 1024;
	return true;
}

int
procfs_parse_usage(const char *stat, const char *status,
		   struct procfs_usage *out)
{
	uint64_t fields[FIELD_START + 1];

	memset(out, 0, sizeof(*out));
	if (!procfs_text_fields(stat, &out->state, fields, FIELD_START)) {
		errno = EPROTO;
		return -1;
	}
	out->minor_faults = fields[FIELD_MINFLT];
	out->major_faults = fields[FIELD_MAJFLT];
	out->cpu_ticks = fields[FIELD_UTIME] + fields[FIELD_STIME];
	out->threads = fields[FIELD_THREADS];
	out->start_ticks = fields[FIELD_START];
	out->has_memory = parse_kib(status, "VmRSS", &out->rss_bytes);
	/* A kernel without swap has no such line. */
	if (!parse_kib(status, "VmSwap", &out->swap_bytes))
		out->swap_bytes = 0;
	return 0;
}

int
procfs_usage(const struct procfs *proc, struct procfs_usage *out)
{
	char *stat, *status;
	int result = -1;

	stat = procfs_text_read(proc->fd, "stat");
	if (!stat)
		return -1;
	status = procfs_body_read(proc, "status");
	if (status)
		result = procfs_parse_usage(stat, status, out);
	free(stat);
	free(status);
	return result;
}

int
procfs_descriptors(const struct procfs *proc, uint64_t *count)
{
	const struct dirent *entry;
	struct stat st;
	int fd, error;
	DIR *dir;

	fd = procfs_body_open(proc, "fd", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -1;
	/* Linux 6.2 and later: a hundred thousand need not be listed. */
	if (!fstat(fd, &st) && st.st_size > 0) {
		*count = (uint64_t)st.st_size;
		close(fd);
		return 0;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -1;
	}
	*count = 0;
	errno = 0;
	while ((entry = readdir(dir)))
		*count += entry->d_name[0] != '.';
	error = errno;
	closedir(dir);
	errno = error;
	return error ? -1 : 0;
}
