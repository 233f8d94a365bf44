#include "loader.h"

#include <dlfcn.h>
#include <elf.h>
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
static uintptr_t vdso;                                       /* boot */

/* The main program, by the auxiliary vector; the loader corrects that when it
 * was run as a program itself. Count 0: not known, it is one like others. */
static struct {
	struct lks_headers headers;
	uintptr_t start; /* whole, with its gaps */
	uintptr_t end;
	const struct link_map *map; /* NULL = not known */
} program;                          /* boot */

/* As the loader works it out. */
static uintptr_t
bias_of(const struct lks_headers *headers)
{
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)headers->at;

	for (uint32_t i = 0; i < headers->count; i++)
		if (ph[i].p_type == PT_PHDR)
			return headers->at - ph[i].p_vaddr;
	return 0;
}

static void
find_program(void)
{
	struct lks_headers *headers = &program.headers;
	uint64_t count = getauxval(AT_PHNUM);
	struct found_object found;

	memset(&program, 0, sizeof(program));
	headers->at = getauxval(AT_PHDR);
	if (headers->at % 8 != 0 || count > UINT16_MAX ||
	    getauxval(AT_PHENT) != sizeof(ElfW(Phdr)) ||
	    !lks_can_read(headers->at, count * sizeof(ElfW(Phdr))))
		return;
	headers->count = (uint32_t)count;
	headers->bias = bias_of(headers);
	if (!lks_headers_range(headers, &program.start, &program.end) ||
	    !lks_headers_hold(headers, headers->at)) {
		headers->count = 0;
		return;
	}
	if (dl_find_object != NULL &&
	    dl_find_object((void *)headers->at, &found) == 0 &&
	    found.link_map->l_addr == headers->bias)
		program.map = found.link_map;
}

void
lks_loader_init(bool may_use_dl)
{
	*(void **)&dl_find_object =
		may_use_dl ? dlsym(RTLD_DEFAULT, "_dl_find_object") : NULL;
	vdso = getauxval(AT_SYSINFO_EHDR);
	find_program();
}

static void
set_program(struct lks_object *out)
{
	out->map_start = program.start;
	out->map_end = program.end;
	out->headers = &program.headers;
}

bool
lks_loader_is_free(void)
{
	return dl_find_object != NULL;
}

bool
lks_loader_is_main(const struct lks_object *object)
{
	return program.headers.at >= object->map_start &&
	       program.headers.at < object->map_end;
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
	out->headers = NULL;
	if (found.link_map == program.map)
		set_program(out);
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
 * True if the mapping, of the same file as the object found so far, is another
 * part of it. lld lets segments share pages of the file, so a second one at
 * offset 0 is either that, or the file loaded once more: then the first one's
 * headers don't reach it. They are copied: what is mapped at an object's start
 * need not be one, nor stay there.
 */
static bool
continues(const struct lks_object *object, const struct mapping *mapping)
{
	static _Alignas(4096) uint8_t page[4096];
	struct lks_headers headers;
	uintptr_t start;
	uintptr_t end;

	if (mapping->offset != 0)
		return true;
	return object->map_start != 0 &&
	       lks_copy_memory(page, object->map_start, sizeof(page)) &&
	       lks_headers_find((uintptr_t)page, &headers) &&
	       lks_headers_range(&headers, &start, &end) &&
	       mapping->start - object->map_start < end - start;
}

/*
 * A library's mappings follow each other and have one inode, the first of
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
			if (mapping.inode != inode || !continues(out, &mapping))
				return true;
			out->map_end = mapping.end;
			continue;
		}
		if (mapping.start > address)
			return false;
		if (mapping.offset == 0 &&
		    (mapping.inode != 0 || mapping.start == vdso) &&
		    (mapping.inode != inode || !continues(out, &mapping))) {
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
	if (program.headers.count != 0 &&
	    lks_headers_hold(&program.headers, address)) {
		if (!found) /* its code was moved to other memory */
			out->name = "";
		set_program(out);
		found = true;
	}
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
