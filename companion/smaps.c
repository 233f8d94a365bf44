/*
 * A process with fifty thousand mappings has 35 MB of text, which is parsed as
 * it is read, line by line, without a copy. Kernels add keys; those that we
 * don't know are passed over.
 */
#include "smaps.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/xalloc.h"
#include "procfs_body.h"

/* A line is a path of at most PATH_MAX bytes, each perhaps written as \012,
 * and some numbers before it. */
#define BUFFER_BYTES (1u << 16)

/* A mapping's size stays below 2^57 and a sum of them too. */
#define ADDRESS_MAX (UINT64_C(1) << 57)

/* The gate that the kernel shows above all addresses of its own. */
#define GATE_ADDRESS UINT64_C(0xffffffffff600000)

static const struct {
	const char *key;
	size_t place;
} keys[] = {
#define KEY(key, field)                                                        \
	{                                                                      \
		key ":", offsetof(struct smaps_amounts, field)                 \
	}
	KEY("Rss", rss),
	KEY("Pss", pss),
	KEY("Shared_Clean", shared_clean),
	KEY("Shared_Dirty", shared_dirty),
	KEY("Private_Clean", private_clean),
	KEY("Private_Dirty", private_dirty),
	KEY("Anonymous", anonymous),
	KEY("Swap", swap),
	KEY("SwapPss", swap_pss),
#undef KEY
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

static uint64_t *
amount_at(struct smaps_amounts *amounts, size_t place)
{
	return (uint64_t *)(void *)((char *)amounts + place);
}

void
smaps_add(struct smaps_amounts *sum, const struct smaps_amounts *more)
{
	sum->size += more->size;
	sum->rss += more->rss;
	sum->pss += more->pss;
	sum->shared_clean += more->shared_clean;
	sum->shared_dirty += more->shared_dirty;
	sum->private_clean += more->private_clean;
	sum->private_dirty += more->private_dirty;
	sum->anonymous += more->anonymous;
	sum->swap += more->swap;
	sum->swap_pss += more->swap_pss;
}

uint64_t
smaps_uss(const struct smaps_amounts *amounts)
{
	return amounts->private_clean + amounts->private_dirty;
}

const char *
smaps_path(const struct smaps *maps, const struct smaps_mapping *mapping)
{
	return maps->paths.data + mapping->path;
}

const char *
smaps_kind_name(enum smaps_kind kind)
{
	static const char *const names[SMAPS_KIND_COUNT] = {
		[SMAPS_HEAP] = "heap",           [SMAPS_STACK] = "stack",
		[SMAPS_ANONYMOUS] = "anonymous", [SMAPS_FILE] = "file",
		[SMAPS_SHARED] = "shared",       [SMAPS_VDSO] = "vdso",
	};

	return names[kind];
}

static bool
begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static enum smaps_kind
kind_of(const char *path)
{
	static const char *const shared[] = {
		"/dev/shm/", "/memfd:", "/SYSV", "/dev/zero", "[anon_shmem:",
	};
	size_t i;

	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (begins(path, shared[i]))
			return SMAPS_SHARED;
	if (!strcmp(path, "[heap]"))
		return SMAPS_HEAP;
	if (begins(path, "[stack"))
		return SMAPS_STACK;
	if (!*path || begins(path, "[anon:"))
		return SMAPS_ANONYMOUS;
	return *path == '[' ? SMAPS_VDSO : SMAPS_FILE;
}

/* --- lines ------------------------------------------------------------------ */

/* Digits up to `end`, which is passed over. */
static bool
parse_hex(const char **at, uint64_t *value, char end)
{
	const char *p = *at;
	unsigned int digits = 0;
	uint64_t sum = 0;
	int digit;

	for (; *p != end; p++) {
		if (*p >= '0' && *p <= '9')
			digit = *p - '0';
		else if (*p >= 'a' && *p <= 'f')
			digit = *p - 'a' + 10;
		else
			return false;
		if (++digits > 16)
			return false;
		sum = sum << 4 | (uint64_t)digit;
	}
	*value = sum;
	*at = p + 1;
	return digits > 0;
}

static bool
parse_decimal(const char **at, uint64_t *value)
{
	const char *p = *at;
	uint64_t sum = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(*p - '0'), &sum))
			return false;
	if (p == *at)
		return false;
	*value = sum;
	*at = p;
	return true;
}

/* "55d0c0a000-55d0c2b000 rw-p 00000000 00:00 0      [heap]" */
static bool
parse_range(const char *at, struct smaps_mapping *out, const char **path)
{
	uint64_t major, minor;

	if (!parse_hex(&at, &out->start, '-') ||
	    !parse_hex(&at, &out->end, ' ') || out->end <= out->start)
		return false;
	if (strnlen(at, 5) < 5 || at[4] != ' ')
		return false;
	memcpy(out->permissions, at, 4);
	at += 5;
	if (!parse_hex(&at, &out->offset, ' ') ||
	    !parse_hex(&at, &major, ':') || !parse_hex(&at, &minor, ' ') ||
	    major > UINT32_MAX || minor > UINT32_MAX ||
	    !parse_decimal(&at, &out->inode))
		return false;
	out->device = major << 32 | minor;
	out->amounts.size = out->end - out->start;
	*path = at + strspn(at, " ");
	return true;
}

static int
malformed(void)
{
	errno = EPROTO;
	return -1;
}

/* Most mappings have the path of the one before. */
static size_t
keep_path(struct smaps *maps, const char *path)
{
	size_t last;

	if (maps->count) {
		last = maps->list[maps->count - 1].path;
		if (!strcmp(maps->paths.data + last, path))
			return last;
	}
	last = maps->paths.len;
	strbuf_add(&maps->paths, path, strlen(path) + 1);
	return last;
}

static int
begin_mapping(struct smaps *maps, const char *line)
{
	struct smaps_mapping mapping = { 0 };
	uint64_t last = 0;
	const char *path;

	if (maps->count)
		last = maps->list[maps->count - 1].end;
	if (!parse_range(line, &mapping, &path) || mapping.start < last ||
	    (mapping.end > ADDRESS_MAX && mapping.start < GATE_ADDRESS))
		return malformed();
	if (maps->count >= SMAPS_MAPPINGS_MAX) {
		errno = EFBIG;
		return -1;
	}
	mapping.kind = kind_of(path);
	mapping.path = keep_path(maps, path);
	maps->list = xgrow(maps->list, &maps->capacity, maps->count + 1,
			   sizeof(*maps->list));
	maps->list[maps->count++] = mapping;
	return 0;
}

/* "Private_Dirty:        12 kB". Keys that are none of ours are fine. */
static int
parse_amount(struct smaps_amounts *amounts, const char *line)
{
	const char *colon = strchr(line, ':');
	const char *at;
	uint64_t kib;
	size_t i;

	if (!colon)
		return malformed();
	for (i = 0; i < KEY_COUNT; i++) {
		if (strncmp(line, keys[i].key, (size_t)(colon - line) + 1) != 0)
			continue;
		at = colon + 1 + strspn(colon + 1, " \t");
		if (!parse_decimal(&at, &kib) || kib > ADDRESS_MAX / 1024)
			return malformed();
		*amount_at(amounts, keys[i].place) = kib * 1024;
		return 0;
	}
	return 0;
}

static bool
is_range(const char *line)
{
	return isdigit((unsigned char)*line) || (*line >= 'a' && *line <= 'f');
}

static int
add_line(void *arg, const char *line)
{
	struct smaps *maps = arg;

	if (is_range(line))
		return begin_mapping(maps, line);
	if (!maps->count)
		return malformed();
	return parse_amount(&maps->list[maps->count - 1].amounts, line);
}

static int
add_rollup_line(void *arg, const char *line)
{
	return is_range(line) ? 0 : parse_amount(arg, line);
}

/* --- whole files ------------------------------------------------------------ */

/* Lines of a text that is being read. */
struct lines {
	int (*take)(void *arg, const char *line);
	void *arg;
	size_t rest; /* bytes at the buffer's begin, of a line without end */
	char buffer[BUFFER_BYTES];
};

/* `bytes` more lie behind the rest. */
static int
split(struct lines *lines, size_t bytes)
{
	size_t end = lines->rest + bytes;
	char *line = lines->buffer;
	char *stop;

	while ((stop = memchr(line, '\n',
			      (size_t)(lines->buffer + end - line)))) {
		*stop = '\0';
		/* A NUL within would hide what follows. */
		if (strlen(line) != (size_t)(stop - line))
			return malformed();
		if (lines->take(lines->arg, line) < 0)
			return -1;
		line = stop + 1;
	}
	lines->rest = (size_t)(lines->buffer + end - line);
	if (lines->rest == BUFFER_BYTES)
		return malformed();
	memmove(lines->buffer, line, lines->rest);
	return 0;
}

static int
read_lines(const struct procfs *proc, const char *name,
	   int (*take)(void *arg, const char *line), void *arg)
{
	struct lines *lines;
	int fd = procfs_body_open(proc, name, O_RDONLY);
	int result = 0, error;
	ssize_t count;

	if (fd < 0)
		return -1;
	lines = xcalloc(1, sizeof(*lines));
	lines->take = take;
	lines->arg = arg;
	do {
		count = read(fd, lines->buffer + lines->rest,
			     BUFFER_BYTES - lines->rest);
		if (count > 0)
			result = split(lines, (size_t)count);
		else if (count < 0 && errno != EINTR)
			result = -1;
	} while (count != 0 && result == 0);
	if (result == 0 && lines->rest)
		result = malformed();
	error = errno;
	free(lines);
	close(fd);
	errno = error;
	return result;
}

static void
empty(struct smaps *maps)
{
	maps->count = 0;
	strbuf_clear(&maps->paths);
	memset(&maps->total, 0, sizeof(maps->total));
	memset(maps->by_kind, 0, sizeof(maps->by_kind));
}

static void
add_up(struct smaps *maps)
{
	const struct smaps_mapping *mapping;
	size_t i;

	for (i = 0; i < maps->count; i++) {
		mapping = &maps->list[i];
		smaps_add(&maps->by_kind[mapping->kind], &mapping->amounts);
		smaps_add(&maps->total, &mapping->amounts);
	}
}

int
smaps_read(struct smaps *maps, const struct procfs *proc)
{
	empty(maps);
	if (read_lines(proc, "smaps", add_line, maps) < 0)
		return -1;
	/* What has ended, or has no memory, reads as an empty file. */
	if (!maps->count) {
		errno = ESRCH;
		return -1;
	}
	add_up(maps);
	return 0;
}

int
smaps_rollup(struct smaps_amounts *out, const struct procfs *proc)
{
	memset(out, 0, sizeof(*out));
	return read_lines(proc, "smaps_rollup", add_rollup_line, out);
}

int
smaps_parse(struct smaps *maps, const char *text, size_t bytes)
{
	struct lines *lines = xcalloc(1, sizeof(*lines));
	size_t room;
	int result = 0;

	empty(maps);
	lines->take = add_line;
	lines->arg = maps;
	while (bytes && result == 0) {
		room = BUFFER_BYTES - lines->rest;
		room = bytes < room ? bytes : room;
		memcpy(lines->buffer + lines->rest, text, room);
		text += room;
		bytes -= room;
		result = split(lines, room);
	}
	if (result == 0 && lines->rest)
		result = malformed();
	free(lines);
	if (result == 0)
		add_up(maps);
	return result;
}

void
smaps_release(struct smaps *maps)
{
	free(maps->list);
	strbuf_release(&maps->paths);
	memset(maps, 0, sizeof(*maps));
}
