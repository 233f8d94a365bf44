#include "exam_place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "memory_limit.h"
#include "procfs_body.h"
#include "procfs_text.h"

/* As much of an environment as execve(2) takes with an unlimited stack; a
 * larger one is taken for what we may not look at. */
#define ENVIRONMENT_BYTES (6u << 20)

/* --- what is here ----------------------------------------------------------- */

static uint64_t
own_limit(int resource)
{
	struct rlimit limit;

	/* __rlimit_resource_t is an enum under _GNU_SOURCE. */
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return limit.rlim_cur;
}

void
exam_place_here(struct exam_place *place)
{
	char path[PATH_MAX];
	int count;

	memset(place, 0, sizeof(*place));
	place->root = "";
	if (getcwd(path, sizeof(path)))
		place->directory = xstrdup(path);
	place->uid = geteuid();
	place->gid = getegid();
	count = getgroups(0, NULL);
	if (count > 0) {
		place->groups = xcalloc((size_t)count, sizeof(gid_t));
		count = getgroups(count, place->groups);
		place->group_count = count > 0 ? (size_t)count : 0;
	}
	place->address_space_bytes = own_limit(RLIMIT_AS);
	place->file_size_bytes = own_limit(RLIMIT_FSIZE);
	place->cgroup_bytes = memory_limit_of("/proc/self/cgroup");
}

/* --- what is there ---------------------------------------------------------- */

static void
read_environment(struct exam_place *place)
{
	struct strbuf text = { 0 };
	int fd, result;

	fd = procfs_body_open(&place->target->proc, "environ", O_RDONLY);
	if (fd < 0)
		return;
	result = strbuf_read(&text, fd, ENVIRONMENT_BYTES);
	close(fd);
	/* Empty for a process that is just being started. */
	if (result == 0 && text.len) {
		place->environment_bytes = text.len;
		place->environment = strbuf_detach(&text);
	}
	strbuf_release(&text);
}

static void
read_groups(struct exam_place *place, const char *text)
{
	const char *at = procfs_text_line(text, "Groups");
	size_t capacity = 0;
	char *end;

	free(place->groups);
	place->groups = NULL;
	place->group_count = 0;
	if (!at)
		return;
	while (*at && *at != '\n' &&
	       place->group_count < EXAM_PLACE_GROUPS_MAX) {
		unsigned long group = strtoul(at, &end, 10);

		if (end == at || group > UINT32_MAX)
			break;
		place->groups = xgrow(place->groups, &capacity,
				      place->group_count + 1, sizeof(gid_t));
		place->groups[place->group_count++] = (gid_t)group;
		for (at = end; *at == ' ' || *at == '\t'; at++)
			;
	}
}

/* The soft limit of a line of /proc/PID/limits. */
static uint64_t
read_limit(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	uint64_t value;

	if (!at || sscanf(at + strlen(name), " %" SCNu64, &value) != 1)
		return UINT64_MAX;
	return value;
}

void
exam_place_of(struct exam_place *place, const struct target *target)
{
	char path[PATH_MAX], name[32];
	const char *gid;
	ssize_t bytes;
	char *text;
	int body;

	exam_place_here(place);
	place->target = target;
	place->uid = target->who.effective_uid;
	if (target->root >= 0)
		place->root = target->root_name;
	body = procfs_body_take(&target->proc);
	bytes = readlinkat(body, "cwd", path, sizeof(path) - 1);
	procfs_body_give(&target->proc, body);
	if (bytes > 0) {
		path[bytes] = '\0';
		free(place->directory);
		place->directory = xstrdup(path);
	}
	read_environment(place);
	text = procfs_text_read(target->proc.fd, "status");
	if (text) {
		gid = procfs_text_line(text, "Gid");
		/* Real, effective. */
		if (!gid || sscanf(gid, "%*u %u", &place->gid) != 1)
			place->gid = (gid_t)-1;
		read_groups(place, text);
		free(text);
	}
	text = procfs_text_read(target->proc.fd, "limits");
	if (text) {
		place->address_space_bytes =
			read_limit(text, "Max address space");
		place->file_size_bytes = read_limit(text, "Max file size");
		free(text);
	}
	snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)target->proc.pid);
	place->cgroup_bytes = memory_limit_of(name);
}

void
exam_place_release(struct exam_place *place)
{
	free(place->directory);
	free(place->environment);
	free(place->groups);
	strbuf_release(&place->assigned);
}

/* The last one of that name in a row of texts that each end in a NUL; beyond
 * `bytes` there is one more. */
static const char *
find_value(const char *text, size_t bytes, const char *name)
{
	size_t name_bytes = strlen(name);
	const char *at, *found = NULL;

	for (at = text; at < text + bytes; at += strlen(at) + 1)
		if (!strncmp(at, name, name_bytes) && at[name_bytes] == '=')
			found = at + name_bytes + 1;
	return found;
}

const char *
exam_place_getenv(const struct exam_place *place, const char *name)
{
	const char *value = find_value(strbuf_text(&place->assigned),
				       place->assigned.len, name);

	if (value)
		return value;
	if (!place->environment)
		return getenv(name);
	return find_value(place->environment, place->environment_bytes, name);
}

void
exam_place_setenv(struct exam_place *place, const char *assignment)
{
	strbuf_add(&place->assigned, assignment, strlen(assignment) + 1);
}

char *
exam_place_path(const struct exam_place *place, const char *path)
{
	struct strbuf joined = { 0 };

	strbuf_addf(&joined, "%s%s", place->root, path);
	return strbuf_detach(&joined);
}

/* --- access ----------------------------------------------------------------- */

/* O_PATH, with the links of that root. */
static int
open_in(const struct exam_place *place, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT,
	};

	if (place->target && place->target->root >= 0)
		return (int)syscall(SYS_openat2, place->target->root, path,
				    &how, sizeof(how));
	return open(path, O_PATH | O_CLOEXEC);
}

static bool
in_group(const struct exam_place *place, gid_t gid)
{
	size_t i;

	if (place->gid == gid)
		return true;
	for (i = 0; i < place->group_count; i++)
		if (place->groups[i] == gid)
			return true;
	return false;
}

/* What the kernel would say to that user, but for access control lists. */
static int
check_bits(const struct exam_place *place, int fd, int mode)
{
	struct statvfs system;
	unsigned int bits;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if ((mode & W_OK) && !fstatvfs(fd, &system) &&
	    (system.f_flag & ST_RDONLY)) {
		errno = EROFS;
		return -1;
	}
	bits = st.st_mode;
	if (place->uid == st.st_uid)
		bits >>= 6;
	else if (in_group(place, st.st_gid))
		bits >>= 3;
	if (place->uid == 0 || !((unsigned int)mode & ~bits & 7))
		return 0;
	errno = EACCES;
	return -1;
}

static int
check(const struct exam_place *place, const char *path, int mode)
{
	char name[32];
	int fd = open_in(place, path), result, error;

	if (fd < 0)
		return -1;
	if (place->uid == geteuid()) {
		/* The kernel knows better, also about root without
		 * capabilities. */
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		result = eaccess(name, mode);
	} else {
		result = check_bits(place, fd, mode);
	}
	error = errno;
	close(fd);
	errno = error;
	return result;
}

int
exam_place_access(const struct exam_place *place, const char *path, int mode)
{
	char *parent = xstrdup(path), *slash;
	int result = 0, error;

	/* Another user may be stopped on the way. */
	for (slash = parent; place->uid != geteuid() && !result &&
			     (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		result = check(place, parent, X_OK);
		*slash = '/';
	}
	if (!result)
		result = check(place, path, mode);
	error = errno;
	free(parent);
	errno = error;
	return result;
}
