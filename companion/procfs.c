/*
 * Small files of /proc are read whole and parsed as text; maps, which has no
 * bound, is read by line.
 */
#include "procfs.h"

#include <ctype.h>
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
	FIELD_PPID = 4,
	FIELD_THREADS = 20,
	FIELD_START = 22,
};

int
procfs_open(struct procfs *proc, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc->pid = pid;
	proc->fd = procfs_text_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
	return proc->fd < 0 ? -1 : 0;
}

void
procfs_close(struct procfs *proc)
{
	if (proc->fd >= 0)
		close(proc->fd);
	proc->fd = -1;
}

int
procfs_parse_stat(const char *text, struct procfs_stat *out)
{
	uint64_t fields[FIELD_START + 1];

	if (!procfs_text_fields(text, &out->state, fields, FIELD_START)) {
		errno = EPROTO;
		return -1;
	}
	out->ppid = (pid_t)fields[FIELD_PPID];
	out->threads = fields[FIELD_THREADS];
	out->start_ticks = fields[FIELD_START];
	return 0;
}

bool
procfs_is_zombie(const struct procfs_stat *stat)
{
	return stat->state == 'X' || (stat->state == 'Z' && stat->threads <= 1);
}

/* NSpid: one number per namespace, ours first, the process's own last. A
 * kernel without it (CONFIG_PID_NS=n) has one namespace only. */
static void
parse_nspid(const char *text, struct procfs_status *out, pid_t pid)
{
	const char *at = procfs_text_line(text, "NSpid");
	char *end;
	long value;

	out->own_pid = pid;
	out->pid_depth = 1;
	if (!at)
		return;
	for (out->pid_depth = 0; *at != '\n' && *at; at = end) {
		value = strtol(at, &end, 10);
		if (end == at)
			break;
		out->own_pid = (pid_t)value;
		out->pid_depth++;
		while (*end == '\t' || *end == ' ')
			end++;
	}
}

int
procfs_parse_status(const char *text, struct procfs_status *out)
{
	const char *state = procfs_text_line(text, "State");
	const char *tgid = procfs_text_line(text, "Tgid");
	const char *pid = procfs_text_line(text, "Pid");
	const char *uid = procfs_text_line(text, "Uid");
	const char *blocked = procfs_text_line(text, "SigBlk");
	const char *caught = procfs_text_line(text, "SigCgt");
	const char *filters = procfs_text_line(text, "Seccomp_filters");
	const char *dumping = procfs_text_line(text, "CoreDumping");
	int thread, group;

	if (!state || !tgid || !pid || !uid || !blocked || !caught ||
	    sscanf(state, " %c", &out->state) != 1 ||
	    sscanf(tgid, "%d", &group) != 1 ||
	    sscanf(pid, "%d", &thread) != 1 ||
	    sscanf(uid, "%u %u %u", &out->real_uid, &out->effective_uid,
		   &out->saved_uid) != 3 ||
	    sscanf(blocked, "%" SCNx64, &out->blocked) != 1 ||
	    sscanf(caught, "%" SCNx64, &out->caught) != 1) {
		errno = EPROTO;
		return -1;
	}
	out->tgid = group;
	out->filters = filters ? strtoull(filters, NULL, 10) : 0;
	out->dumping = dumping && strtol(dumping, NULL, 10) > 0;
	parse_nspid(text, out, thread);
	return 0;
}

int
procfs_stat(const struct procfs *proc, struct procfs_stat *out)
{
	char *text = procfs_text_read(proc->fd, "stat");
	int result;

	if (!text)
		return -1;
	result = procfs_parse_stat(text, out);
	free(text);
	return result;
}

int
procfs_status(const struct procfs *proc, pid_t tid, struct procfs_status *out)
{
	char path[48] = "status";
	char *text;
	int result;

	if (tid)
		snprintf(path, sizeof(path), "task/%d/status", (int)tid);
	text = procfs_text_read(proc->fd, path);
	if (!text)
		return -1;
	result = procfs_parse_status(text, out);
	free(text);
	return result;
}

int
procfs_namespace(const struct procfs *proc, const char *kind, uint64_t *inode)
{
	int body = procfs_body_take(proc);
	struct stat st;
	char path[32];
	int result;

	snprintf(path, sizeof(path), "ns/%s", kind);
	result = fstatat(body, path, &st, 0);
	procfs_body_give(proc, body);
	if (result < 0) {
		if (errno == ENOENT)
			errno = ESRCH;
		return -1;
	}
	*inode = st.st_ino;
	return 0;
}

static bool
is_other_root(int body)
{
	struct stat ours, theirs;

	if (fstatat(body, "ns/mnt", &theirs, 0) < 0 ||
	    stat("/proc/self/ns/mnt", &ours) < 0)
		return false;
	if (ours.st_ino != theirs.st_ino)
		return true;
	if (fstatat(body, "root", &theirs, 0) < 0 || stat("/", &ours) < 0)
		return false;
	return ours.st_ino != theirs.st_ino || ours.st_dev != theirs.st_dev;
}

bool
procfs_other_root(const struct procfs *proc)
{
	int body = procfs_body_take(proc);
	bool result = is_other_root(body);

	procfs_body_give(proc, body);
	return result;
}

int
procfs_maps(const struct procfs *proc, const char *name)
{
	char *line = NULL, *base;
	size_t cap = 0, bytes = strlen(name);
	int fd, found = 0, error;
	FILE *file;

	fd = procfs_body_open(proc, "maps", O_RDONLY);
	if (fd < 0)
		return -1;
	file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -1;
	}
	errno = 0;
	while (!found && getline(&line, &cap, file) > 0) {
		base = strrchr(line, '/');
		/* What follows is the end, or " (deleted)". */
		found = base && !strncmp(base + 1, name, bytes) &&
			(base[1 + bytes] == '\n' || base[1 + bytes] == ' ');
	}
	/* A process that we may not look into has empty maps and EACCES, or
	 * ESRCH once it has ended. */
	error = ferror(file) ? errno : 0;
	free(line);
	fclose(file);
	if (error) {
		errno = error;
		return -1;
	}
	return found;
}

bool
procfs_parse_uid_map(const char *text, uid_t outside, uid_t *inside)
{
	unsigned int first, other, count;

	while (sscanf(text, "%u %u %u", &first, &other, &count) == 3) {
		if (outside >= other && outside - other < count) {
			*inside = first + (outside - other);
			return true;
		}
		text = strchr(text, '\n');
		if (!text)
			break;
		text++;
	}
	return false;
}

bool
procfs_inside_uid(const struct procfs *proc, uid_t outside, uid_t *inside)
{
	uint64_t theirs;
	struct stat ours;
	char *text;
	bool found;

	*inside = outside;
	/* Within one namespace the map shows its parent, which is not us. */
	if (procfs_namespace(proc, "user", &theirs) < 0 ||
	    stat("/proc/self/ns/user", &ours) < 0 || ours.st_ino == theirs)
		return true;
	text = procfs_body_read(proc, "uid_map");
	if (!text)
		return true;
	found = procfs_parse_uid_map(text, outside, inside);
	free(text);
	return found;
}

int
procfs_each_thread(const struct procfs *proc,
		   int (*visit)(pid_t tid, void *arg), void *arg)
{
	unsigned int seen = 0;
	struct dirent *entry;
	int fd, result = 0;
	DIR *dir;

	fd = procfs_text_open(proc->fd, "task", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -1;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -1;
	}
	while (!result && seen < PROCFS_THREADS_MAX && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		seen++;
		result = visit((pid_t)atoi(entry->d_name), arg);
	}
	closedir(dir);
	return result;
}
