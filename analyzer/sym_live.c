#include "sym_live.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"
#include "strbuf.h"
#include "sym_files.h"
#include "xalloc.h"

/* Of stat and status, which are some 2 KiB but for very many groups, which
 * stand behind what we look for in neither. */
#define TEXT_BYTES 65536

/* start_ticks in stat, as proc(5) numbers them; what follows the name in
 * parentheses is number 3. */
#define FIELD_START 22

struct process {
	uint64_t pid_namespace;
	uint64_t start_ticks;
	uint32_t pid; /* in that namespace */
	long outer;   /* as we see it; 0 = not looked for yet */
	bool gone;    /* for ever, as it has no namesake */
};

struct sym_live {
	struct process list[SYM_LIVE_MAX];
	size_t count; /* ever added; the newest is number count - 1 */
	char boot_id[64];
};

/* --- text of /proc --------------------------------------------------------- */

/* Terminated, without a last newline; "" if it can't be read. */
static void
read_text(int directory, const char *name, char *text, size_t cap)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len + 1 < cap &&
	       (n = read(fd, text + len, cap - 1 - len)) > 0)
		len += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
}

static uint64_t
start_ticks(int directory)
{
	char text[4096];
	const char *at;
	int field;

	read_text(directory, "stat", text, sizeof(text));
	at = strrchr(text, ')');
	for (field = 2; at && field < FIELD_START; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* Its number in its own, innermost namespace; 0 = unknown. */
static uint32_t
inner_pid(int directory)
{
	char *text = xmalloc(TEXT_BYTES);
	const char *at, *end, *space;
	uint32_t pid = 0;

	read_text(directory, "status", text, TEXT_BYTES);
	at = strstr(text, "\nNSpid:");
	if (at) {
		at += strlen("\nNSpid:");
		end = at + strcspn(at, "\n");
		for (space = at; space < end; space++)
			if (*space == '\t' || *space == ' ')
				at = space;
		pid = (uint32_t)strtoul(at, NULL, 10);
	}
	free(text);
	return pid;
}

static uint64_t
namespace_of(int directory)
{
	struct stat st;

	return fstatat(directory, "ns/pid", &st, 0) ? 0 : st.st_ino;
}

/* --- which process --------------------------------------------------------- */

struct sym_live *
sym_live_new(void)
{
	struct sym_live *live = xcalloc(1, sizeof(*live));

	read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", live->boot_id,
		  sizeof(live->boot_id));
	return live;
}

void
sym_live_free(struct sym_live *live)
{
	free(live);
}

void
sym_live_add(struct sym_live *live, const struct header *header)
{
	size_t i,
		kept = live->count < SYM_LIVE_MAX ? live->count : SYM_LIVE_MAX;
	struct process *process;

	/* Without these a header names no process. */
	if (!*header->boot_id || strcmp(header->boot_id, live->boot_id) != 0 ||
	    !header->pid || !header->start_ticks || !header->pid_namespace)
		return;
	for (i = 0; i < kept; i++) {
		process = &live->list[i];
		if (process->pid == header->pid &&
		    process->start_ticks == header->start_ticks &&
		    process->pid_namespace == header->pid_namespace)
			return;
	}
	live->list[live->count++ % SYM_LIVE_MAX] = (struct process){
		.pid_namespace = header->pid_namespace,
		.start_ticks = header->start_ticks,
		.pid = header->pid,
	};
}

/* /proc/OUTER, if it is that process: once opened, the directory is of no
 * other. -1 if not. */
static int
open_if_same(const struct process *process, long outer, bool ours)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%ld", outer);
	fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* What changed its user hides its namespace, but not that it has the
	 * number and the start; and we see no namesake. */
	if ((ours || (namespace_of(fd) == process->pid_namespace &&
		      inner_pid(fd) == process->pid)) &&
	    start_ticks(fd) == process->start_ticks)
		return fd;
	close(fd);
	return -1;
}

static int
search(struct process *process)
{
	DIR *all = opendir("/proc");
	const struct dirent *entry;
	int fd = -1;

	while (all && fd < 0 && (entry = readdir(all))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		process->outer = strtol(entry->d_name, NULL, 10);
		fd = open_if_same(process, process->outer, false);
	}
	if (all)
		closedir(all);
	return fd;
}

static int
open_process(struct process *process)
{
	struct stat st;
	bool ours = stat("/proc/self/ns/pid", &st) == 0 &&
		    st.st_ino == process->pid_namespace;
	int fd;

	if (process->gone)
		return -1;
	if (ours)
		process->outer = (long)process->pid;
	fd = process->outer ? open_if_same(process, process->outer, ours)
			    : search(process);
	process->gone = fd < 0;
	return fd;
}

/* A main thread that ended before the others has no memory or root any more:
 * takes the directory, and gives that of a thread which has. */
static int
open_body(int take_directory)
{
	int tasks = openat(take_directory, "task",
			   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	int fd = -1;
	DIR *all;

	if (faccessat(take_directory, "exe", F_OK, 0) == 0 || tasks < 0) {
		if (tasks >= 0)
			close(tasks);
		return take_directory;
	}
	all = fdopendir(tasks);
	while (all && fd < 0 && (entry = readdir(all))) {
		if (entry->d_name[0] == '.')
			continue;
		fd = openat(dirfd(all), entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && faccessat(fd, "exe", F_OK, 0) != 0) {
			close(fd);
			fd = -1;
		}
	}
	if (all)
		closedir(all);
	else
		close(tasks);
	if (fd < 0)
		return take_directory;
	close(take_directory);
	return fd;
}

/* --- which file ------------------------------------------------------------ */

/* For reading, if it is a regular file: of what else there may be, already the
 * opening can do something. */
static int
reopen(int take_path)
{
	struct stat st;
	char name[32];
	int fd = -1;

	if (take_path < 0)
		return -1;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", take_path);
	if (fstat(take_path, &st) == 0 && S_ISREG(st.st_mode))
		fd = open(name, O_RDONLY | O_CLOEXEC);
	close(take_path);
	return fd;
}

/* A path in the process's root. Who can't promise to stay inside (Linux before
 * 5.6) gets none. */
static int
open_inside(int directory, const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT };
	int root = openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	long fd = -1;

	if (root >= 0) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		close(root);
	}
	return reopen((int)fd);
}

/* What is mapped at an address, also if it has no name any more. */
static int
open_mapped(int directory, uint64_t address)
{
	int fd = openat(directory, "maps", O_RDONLY | O_CLOEXEC);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	uint64_t start = 0, end = 0;
	char *line = NULL;
	size_t cap = 0;
	char name[64];

	if (!maps) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (end <= address && getline(&line, &cap, maps) > 0)
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
			break;
	free(line);
	fclose(maps);
	if (address < start || address >= end)
		return -1;
	snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, start,
		 end);
	return reopen(openat(directory, name, O_PATH | O_CLOEXEC));
}

/* Takes the descriptor, which may be -1. */
static int
verified(int take_fd, const struct module *module, bool debug_file)
{
	struct strbuf why = { 0 };

	if (take_fd >= 0 &&
	    sym_files_verify(take_fd, module, debug_file, &why)) {
		close(take_fd);
		take_fd = -1;
	}
	strbuf_release(&why);
	return take_fd;
}

typedef int finder(int directory, const struct module *module);

static int
find_file(int directory, const struct module *module)
{
	uint32_t i;
	int fd = verified(open_inside(directory, module->path), module, false);

	if (fd < 0)
		fd = verified(
			reopen(openat(directory, "exe", O_PATH | O_CLOEXEC)),
			module, false);
	for (i = 0; fd < 0 && i < module->segment_count; i++)
		fd = verified(open_mapped(directory, module->segments[i].start),
			      module, false);
	return fd;
}

static int
find_debug(int directory, const struct module *module)
{
	struct strbuf path = { 0 };
	uint32_t i;
	int fd;

	strbuf_addf(&path, "/usr/lib/debug/.build-id/%02x/",
		    module->build_id[0]);
	for (i = 1; i < module->build_id_bytes; i++)
		strbuf_addf(&path, "%02x", module->build_id[i]);
	strbuf_adds(&path, ".debug");
	fd = verified(open_inside(directory, strbuf_text(&path)), module, true);
	strbuf_release(&path);
	return fd;
}

/* Asks one process after the other, the newest first. */
static int
ask(struct sym_live *live, finder *find, const struct module *module)
{
	size_t i,
		kept = live->count < SYM_LIVE_MAX ? live->count : SYM_LIVE_MAX;
	int directory, fd = -1;

	if (module->build_id_bytes < 2)
		return -1;
	for (i = 1; fd < 0 && i <= kept; i++) {
		directory = open_process(
			&live->list[(live->count - i) % SYM_LIVE_MAX]);
		if (directory < 0)
			continue;
		directory = open_body(directory);
		fd = find(directory, module);
		close(directory);
	}
	return fd;
}

int
sym_live_open(struct sym_live *live, const struct module *module)
{
	return ask(live, find_file, module);
}

int
sym_live_open_debug(struct sym_live *live, const struct module *module)
{
	return ask(live, find_debug, module);
}
