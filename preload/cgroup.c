#include "cgroup.h"

#include <string.h>

#include "../proto/limits.h"
#include "msg.h"
#include "sys.h"

/* /proc/self/cgroup: one line per v1 hierarchy, at most a dozen. */
#define MEMBERSHIP_BYTES 8192
/* v1 says "no limit" as the highest page-aligned number; nothing real is
 * beyond an exbibyte. */
#define NO_LIMIT (1ull << 60)

static char usage_path[LKS_PATH_BYTES]; /* empty: unknown; written at boot */

struct version {
	const char *mount;
	const char *limit;
	const char *usage;
};

static const struct version v1 = { "/sys/fs/cgroup/memory",
				   "memory.limit_in_bytes",
				   "memory.usage_in_bytes" };
static const struct version v2 = { "/sys/fs/cgroup", "memory.max",
				   "memory.current" };

/* The number in a file of one line, 0: there is none ("max" too). */
static uint64_t
read_number(const char *path)
{
	char text[32];
	const char *at = text;
	uint64_t value = 0;

	if (lks_sys_failed(lks_sys_slurp(path, text, sizeof(text))) ||
	    !lks_parse_u64(&at, &value))
		return 0;
	return value;
}

/* Is `word` in the comma-separated list that ends at `end`? */
static bool
list_has(const char *list, const char *end, const char *word)
{
	size_t length = strlen(word);

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma != NULL ? comma : end;

		if ((size_t)(stop - list) == length &&
		    memcmp(list, word, length) == 0)
			return true;
		list = stop + 1;
	}
	return false;
}

/*
 * Lines are ID:CONTROLLERS:PATH. A v1 hierarchy with the memory controller
 * wins over v2's (0::PATH), which then has none. NULL: neither.
 */
static const struct version *
find_group(char *text, char **group)
{
	const struct version *found = NULL;

	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');
		char *list = strchr(line, ':');
		char *path = list != NULL ? strchr(list + 1, ':') : NULL;

		if (end != NULL)
			*end = '\0';
		if (path != NULL && list_has(list + 1, path, "memory")) {
			*group = path + 1;
			return &v1;
		}
		if (path != NULL && strncmp(line, "0::", 3) == 0) {
			*group = path + 1;
			found = &v2;
		}
		line = end != NULL ? end + 1 : NULL;
	}
	return found;
}

uint64_t
lks_cgroup_init(void)
{
	/* Not on the stack: the constructor may run on a small one. */
	static char membership[MEMBERSHIP_BYTES];
	static char path[LKS_PATH_BYTES];
	const struct version *version;
	char *group = NULL;
	uint64_t tightest = 0;

	usage_path[0] = '\0';
	lks_sys_slurp("/proc/self/cgroup", membership, sizeof(membership));
	version = find_group(membership, &group);
	if (version == NULL)
		return 0;
	/* A path outside our cgroup namespace starts with "/..". */
	if (strncmp(group, "/..", 3) == 0 || strcmp(group, "/") == 0)
		*group = '\0';
	for (;;) {
		char *slash;
		uint64_t limit;

		lks_format(path, sizeof(path), "%s%s/%s", version->mount, group,
			   version->usage);
		if (usage_path[0] == '\0' && read_number(path) != 0)
			lks_copy_text(usage_path, sizeof(usage_path), path);
		lks_format(path, sizeof(path), "%s%s/%s", version->mount, group,
			   version->limit);
		limit = read_number(path);
		if (limit != 0 && limit < NO_LIMIT &&
		    (tightest == 0 || limit < tightest))
			tightest = limit;
		slash = strrchr(group, '/');
		if (slash == NULL)
			return tightest;
		*slash = '\0';
	}
}

uint64_t
lks_cgroup_usage_bytes(void)
{
	return usage_path[0] != '\0' ? read_number(usage_path) : 0;
}
