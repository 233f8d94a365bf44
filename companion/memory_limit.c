#include "memory_limit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/parse.h"
#include "../analyzer/strbuf.h"
#include "procfs_text.h"

/* Version 1 says "no limit" as the greatest page-aligned number; nothing real
 * is beyond an exbibyte. */
#define NO_LIMIT (UINT64_C(1) << 60)

/* The number in a file of one line; 0: there is none ("max" too). */
static uint64_t
read_number(const char *path)
{
	char *text = procfs_text_read(AT_FDCWD, path);
	uint64_t value = 0;

	if (!text)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	if (!parse_count(text, &value) || value >= NO_LIMIT)
		value = 0;
	free(text);
	return value;
}

/* Of the group and of all above it. `group` is changed. */
static uint64_t
look_up(const char *mount, const char *file, char *group)
{
	struct strbuf path = { 0 };
	uint64_t tightest = 0, limit;
	char *slash;

	/* A path outside our cgroup namespace starts with "/..". */
	if (!strncmp(group, "/..", 3) || !strcmp(group, "/"))
		*group = '\0';
	for (;;) {
		strbuf_clear(&path);
		strbuf_addf(&path, "%s%s/%s", mount, group, file);
		limit = read_number(strbuf_text(&path));
		if (limit && (!tightest || limit < tightest))
			tightest = limit;
		slash = strrchr(group, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	strbuf_release(&path);
	return tightest;
}

/* Is "memory" in the list of controllers, which ends at a colon? */
static bool
has_memory(const char *list)
{
	size_t bytes;

	for (;; list += bytes + 1) {
		bytes = strcspn(list, ",:");
		if (bytes == 6 && !strncmp(list, "memory", 6))
			return true;
		if (list[bytes] != ',')
			return false;
	}
}

uint64_t
memory_limit_below(const char *membership, const char *v2, const char *v1)
{
	char *text = procfs_text_read(AT_FDCWD, membership), *line, *next;
	uint64_t limit = 0;
	char *list, *group;

	/* Lines are ID:CONTROLLERS:PATH. A version 1 hierarchy that has the
	 * memory controller wins: version 2 (0::PATH) has none then. */
	for (line = text; line && *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		list = strchr(line, ':');
		group = list ? strchr(list + 1, ':') : NULL;
		if (!group)
			continue;
		if (has_memory(list + 1)) {
			limit = look_up(v1, "memory.limit_in_bytes", group + 1);
			break;
		}
		if (!strncmp(line, "0::", 3))
			limit = look_up(v2, "memory.max", group + 1);
	}
	free(text);
	return limit;
}

uint64_t
memory_limit_of(const char *membership)
{
	return memory_limit_below(membership, "/sys/fs/cgroup",
				  "/sys/fs/cgroup/memory");
}
