#include "loader.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "../proto/limits.h"
#include "sandbox.h"
#include "sys.h"

/* glibc 2.35's <dlfcn.h>, spelled out so that building with an older one gives
 * the same object. x86-64 and others differ in what follows eh_frame, which
 * we don't read; the reserve is larger than either. */
struct found_object {
	unsigned long long flags;
	void *map_start;
	void *map_end;
	struct link_map *link_map;
	void *eh_frame;
	unsigned long long reserved[12];
};

static int (*dl_find_object)(void *, struct found_object *); /* boot */
static uintptr_t main_headers;                               /* boot */
static uintptr_t vdso;                                       /* boot */

void
lks_loader_init(bool may_use_dl)
{
	*(void **)&dl_find_object =
		may_use_dl ? dlsym(RTLD_DEFAULT, "_dl_find_object") : NULL;
	main_headers = getauxval(AT_PHDR);
	vdso = getauxval(AT_SYSINFO_EHDR);
}

bool
lks_loader_is_free(void)
{
	return dl_find_object != NULL;
}

bool
lks_loader_is_main(const struct lks_object *object)
{
	return main_headers >= object->map_start &&
	       main_headers < object->map_end;
}

bool
lks_loader_is_vdso(const struct lks_object *object)
{
	return vdso != 0 && vdso == object->map_start;
}

bool
lks_loader_find_by_dl(uintptr_t address, struct lks_object *out)
{
	struct found_object found;

	if (dl_find_object == NULL ||
	    dl_find_object((void *)address, &found) != 0)
		return false;
	out->map_start = (uintptr_t)found.map_start;
	out->map_end = (uintptr_t)found.map_end;
	out->identity = found.link_map;
	out->name = found.link_map->l_name;
	if (out->name == NULL)
		out->name = "";
	return true;
}

/* --- /proc/self/maps ----------------------------------------------------- */

/* One line: "start-end perms offset major:minor inode   path". */
struct mapping {
	uint64_t start;
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	const char *path; /* into the line, terminated */
};

/* Reads the file in pieces; a line is at most as long as a path and what
 * stands before it. Static, because a hook's stack is the host's. */
static struct {
	long fd;
	size_t used;
	size_t next; /* of the line that comes next */
	bool ended;
	char text[LKS_PATH_BYTES + 256];
} maps;

static bool
parse_mapping(const char *line, struct mapping *out)
{
	uint64_t ignored;

	if (!lks_parse_hex(&line, &out->start) || *line++ != '-' ||
	    !lks_parse_hex(&line, &out->end) || *line++ != ' ')
		return false;
	for (int i = 0; i < 5; i++) /* "r-xp " */
		if (*line++ == '\0')
			return false;
	if (!lks_parse_hex(&line, &out->offset) || *line++ != ' ' ||
	    !lks_parse_hex(&line, &ignored) || *line++ != ':' ||
	    !lks_parse_hex(&line, &ignored) || *line++ != ' ' ||
	    !lks_parse_u64(&line, &out->inode))
		return false;
	while (*line == ' ')
		line++;
	out->path = line;
	return true;
}

/* The next line, terminated; NULL at the end. */
static char *
next_line(void)
{
	for (;;) {
		char *line = maps.text + maps.next;
		char *end = memchr(line, '\n', maps.used - maps.next);
		long got;

		if (end != NULL) {
			*end = '\0';
			maps.next = (size_t)(end + 1 - maps.text);
			return line;
		}
		if (maps.ended ||
		    (maps.next == 0 && maps.used == sizeof(maps.text)))
			return NULL;
		memmove(maps.text, line, maps.used - maps.next);
		maps.used -= maps.next;
		maps.next = 0;
		got = lks_sys3(SYS_read, maps.fd, maps.text + maps.used,
			       sizeof(maps.text) - maps.used);
		maps.ended = got <= 0;
		if (got > 0)
			maps.used += (size_t)got;
	}
}

/*
 * An object's mappings follow each other and have one inode, the first of
 * them at offset 0. Its zeroed memory comes last and has none: map_end is then
 * short of the loader's, which costs nothing but that memory.
 */
static bool
scan_maps(uintptr_t address, struct lks_object *out)
{
	static char name[LKS_PATH_BYTES];
	struct mapping mapping;
	uint64_t inode = 0;
	bool inside = false;
	char *line;

	while ((line = next_line()) != NULL) {
		if (!parse_mapping(line, &mapping))
			continue;
		if (inside) {
			/* The address was found: how far does it go? */
			if (mapping.inode != inode || mapping.offset == 0)
				return true;
			out->map_end = mapping.end;
			continue;
		}
		if (mapping.start > address)
			return false;
		if (mapping.offset == 0 &&
		    (mapping.inode != 0 || mapping.start == vdso)) {
			out->map_start = mapping.start;
			inode = mapping.inode;
		}
		if (mapping.end <= address)
			continue;
		if (out->map_start == 0 || mapping.inode != inode ||
		    (inode == 0 && mapping.start != vdso))
			return false;
		lks_copy_text(name, sizeof(name), mapping.path);
		out->name = name;
		out->map_end = mapping.end;
		inside = true;
	}
	return inside;
}

bool
lks_loader_find_by_maps(uintptr_t address, struct lks_object *out)
{
	bool found;

	memset(out, 0, sizeof(*out));
	if (lks_sandbox_forbids(LKS_NEED_WRITE))
		return false;
	maps.fd = lks_sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	if (lks_sys_failed(maps.fd))
		return false;
	maps.used = 0;
	maps.next = 0;
	maps.ended = false;
	found = scan_maps(address, out);
	lks_sys_close((int)maps.fd);
	return found;
}

bool
lks_loader_find(uintptr_t address, struct lks_object *out)
{
	static uint64_t paused_until_ns;
	uint64_t now;

	if (dl_find_object != NULL)
		return lks_loader_find_by_dl(address, out);
	now = lks_clock_ns(CLOCK_MONOTONIC);
	if (now < paused_until_ns)
		return false;
	if (lks_loader_find_by_maps(address, out))
		return true;
	paused_until_ns = now + LKS_LOADER_PAUSE_NS;
	return false;
}
