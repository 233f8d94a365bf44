#include "exam_process.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"
#include "elf_file.h"
#include "exam_program.h"
#include "exam_runtime.h"
#include "exam_signal.h"
#include "exam_surroundings.h"
#include "overlay.h"
#include "procfs_body.h"
#include "procfs_names.h"
#include "procfs_text.h"

/* The kernel's auxiliary vector has about twenty entries. */
#define AUXV_BYTES 4096
/* Mapped files looked at by name; browsers have some hundreds. */
#define FILES_MAX 4096
/* As much of a command line as is looked at for options. */
#define ARGUMENTS_MAX 64
#define ARGUMENTS_BYTES 4096

#define PTRACE_SCOPE "/proc/sys/kernel/yama/ptrace_scope"

/* --- how it is tracked ------------------------------------------------------ */

/* What helps where we may not look. */
static void
fix_rights(struct exam *exam)
{
	exam_fix(exam, "%s",
		 geteuid() ? "examine it as its user or as root"
			   : "examine it with CAP_SYS_PTRACE; if that is "
			     "there, it is a thread of the kernel, which has "
			     "no program");
}

static void
look_at_status(struct exam *exam, const struct status *status)
{
	if (status->state == STATUS_ON) {
		exam_add(exam, EXAM_TRACKED, EXAM_OK,
			 "it is tracked, by libleakshim.so %s",
			 status->version);
	} else if (status->state == STATUS_DORMANT) {
		exam_add(exam, EXAM_DORMANT, EXAM_NOTE,
			 "it is dormant: nothing is recorded until it is "
			 "started");
		exam_fix(exam, "leakshim start PID");
	} else {
		exam_add(exam, EXAM_OFF, EXAM_BLIND,
			 "libleakshim.so is in it, but tracking is off: %s",
			 *status->reason ? status->reason
					 : "it does not say why");
		exam_fix(exam, "remove the reason and start the program anew");
	}
	if (status->loss_count) {
		exam_add(exam, EXAM_LOSSES, EXAM_NOTE,
			 "it has lost some of what it should record (%s%s)",
			 status->losses[0].name,
			 status->loss_count > 1 ? " and more" : "");
		exam_fix(exam, "leakshim status PID has the numbers");
	}
	if (*status->error) {
		exam_add(exam, EXAM_OUTPUT, EXAM_WARNING,
			 "the last snapshot could not be written: %s",
			 status->error);
		exam_fix(exam, "make room or permission where snapshots go");
	} else if (*status->out_note) {
		exam_add(exam, EXAM_OUTPUT, EXAM_WARNING,
			 "snapshots go to %s: %s", status->out,
			 status->out_note);
		exam_fix(exam, "set out= to a directory that it may write in");
	}
	if (status->state == STATUS_OFF)
		return;
	if (!status->bell) {
		exam_add(exam, EXAM_BELL, EXAM_WARNING,
			 "leakshim can't ask it for snapshots: %s",
			 *status->bell_note ? status->bell_note
					    : "it has no bell");
		exam_fix(exam, "take snapshots by interval=, on= or signal=");
	}
	if (!status->signal && *status->signal_note) {
		exam_add(exam, EXAM_SIGNAL, EXAM_NOTE,
			 "no signal takes a snapshot: %s", status->signal_note);
		exam_fix(exam, "leakshim snapshot PID asks otherwise");
	}
}

/* It has no status file that counts. */
static void
look_at_untracked(struct exam *exam, struct target *target,
		  const struct exam_place *place, const char *complaint)
{
	const char *preload = exam_place_getenv(place, "LD_PRELOAD");
	int mapped = procfs_maps(&target->proc, OVERLAY_LIBRARY);

	if (mapped == 1) {
		exam_add(exam, EXAM_OFF, EXAM_WARNING,
			 "libleakshim.so is in it, but there is no status of "
			 "its tracking%s%s",
			 *complaint ? ": " : "", complaint);
		exam_fix(exam, "the other findings, or its standard error at "
			       "the start, say why");
	} else if (mapped == 0 && place->environment && preload &&
		   strstr(preload, OVERLAY_LIBRARY)) {
		exam_add(exam, EXAM_PRELOAD, EXAM_BLIND,
			 "LD_PRELOAD of the process names libleakshim.so, "
			 "which the loader did not load");
		exam_fix(exam, "look for the loader's message at its start: "
			       "'cannot be preloaded'");
	} else if (mapped < 0) {
		exam_add(exam, EXAM_UNTRACKED, EXAM_NOTE,
			 "whether it is tracked can't be told");
		fix_rights(exam);
	} else {
		exam_add(exam, EXAM_UNTRACKED, EXAM_NOTE,
			 "it is not tracked: a running process can't be "
			 "entered, only started anew");
		exam_fix(exam, "start it by leakshim run, or with LD_PRELOAD "
			       "in its service");
	}
}

/* --- what the kernel says --------------------------------------------------- */

bool
exam_process_is_secure(const void *auxv, size_t bytes)
{
	Elf64_auxv_t entry;
	size_t at;

	for (at = 0; at + sizeof(entry) <= bytes; at += sizeof(entry)) {
		memcpy(&entry, (const char *)auxv + at, sizeof(entry));
		if (entry.a_type == AT_SECURE)
			return entry.a_un.a_val != 0;
	}
	return false;
}

static void
look_at_auxv(struct exam *exam, const struct target *target)
{
	char auxv[AUXV_BYTES];
	int fd = procfs_body_open(&target->proc, "auxv", O_RDONLY);
	ssize_t bytes;

	if (fd < 0)
		return;
	bytes = read(fd, auxv, sizeof(auxv));
	close(fd);
	if (bytes <= 0 || !exam_process_is_secure(auxv, (size_t)bytes))
		return;
	exam_add(exam, EXAM_SECURE, EXAM_BLIND,
		 "it was started with raised privileges (AT_SECURE), and the "
		 "loader ignores LD_PRELOAD then");
	exam_fix(exam, "start it as the user that it becomes, without "
		       "set-user-ID, set-group-ID or file capabilities");
}

/* A number of a /proc/PID/status; 0 if there is none. */
static uint64_t
read_key(const char *text, const char *key, bool hexadecimal)
{
	const char *at = procfs_text_line(text, key);

	return at ? strtoull(at, NULL, hexadecimal ? 16 : 10) : 0;
}

static void
look_at_filters(struct exam *exam, const char *text)
{
	char *own = procfs_text_read(AT_FDCWD, "/proc/self/status");
	uint64_t filters = read_key(text, "Seccomp_filters", false);
	uint64_t ours = own ? read_key(own, "Seccomp_filters", false) : 0;
	bool more = filters > ours;

	free(own);
	if (read_key(text, "Seccomp", false) == 0)
		return;
	exam_add(exam, EXAM_SECCOMP, more ? EXAM_WARNING : EXAM_NOTE,
		 "its system calls are filtered (seccomp)%s%s",
		 more ? ": a filter may refuse, or kill it for, what a "
			"snapshot needs (clone, openat, renameat2), or "
			"a dump with contents (process_vm_readv)"
		      : ", as ours are",
		 read_key(text, "NoNewPrivs", false)
			 ? "; that it has no_new_privs does no harm"
			 : "");
	exam_fix(exam, "take one snapshot in a test before it counts");
}

static void
look_at_kernel(struct exam *exam, const struct target *target,
	       const struct exam_place *place, const char *program,
	       bool is_tracked)
{
	char *text = procfs_text_read(target->proc.fd, "status");
	struct exam_signal_masks masks;

	if (!text)
		return;
	look_at_filters(exam, text);
	masks.caught = read_key(text, "SigCgt", true);
	masks.ignored = read_key(text, "SigIgn", true);
	masks.blocked = read_key(text, "SigBlk", true);
	free(text);
	/* A handler may be ours, unless our library is surely not there. */
	if (procfs_maps(&target->proc, OVERLAY_LIBRARY) != 0)
		masks.caught = 0;
	/* A tracked one's signals are as its status says. */
	if (!is_tracked)
		exam_signal(exam, place, program, NULL, &masks);
}

void
exam_process_ptrace(struct exam *exam, const char *path)
{
	char *text = procfs_text_read(AT_FDCWD, path);
	long scope = text ? strtol(text, NULL, 10) : 0;

	free(text);
	if (scope < 1)
		return;
	exam_add(exam, EXAM_PTRACE, EXAM_NOTE,
		 "ptrace is restricted here (ptrace_scope is %ld): leakshim "
		 "serve can't show live stacks of threads",
		 scope);
	exam_fix(exam, "snapshots do without it; for live stacks run serve "
		       "with CAP_SYS_PTRACE");
}

static void
look_at_walls(struct exam *exam, const struct target *target, const char *exe)
{
	struct strbuf path = { 0 };
	bool flatpak, snap;

	strbuf_addf(&path, "%s/.flatpak-info", target->root_name);
	flatpak = !access(strbuf_text(&path), F_OK);
	strbuf_release(&path);
	snap = !strncmp(exe, "/snap/", 6);
	if (flatpak || snap) {
		exam_add(exam, EXAM_SANDBOX, EXAM_WARNING,
			 "it runs in a sandbox of %s, which hides our library "
			 "and the place of snapshots",
			 flatpak ? "flatpak" : "snap");
		exam_fix(exam, "%s",
			 flatpak ? "flatpak run --env=LD_PRELOAD=... "
				   "--filesystem= with the directory of "
				   "libleakshim.so"
				 : "start it by snap run --shell, with "
				   "libleakshim.so in $SNAP_USER_DATA");
		return;
	}
	if (target->root < 0 && target->who.pid_depth <= 1)
		return;
	exam_add(exam, EXAM_NAMESPACE, EXAM_NOTE,
		 "it runs in another %s%s%s: its pid there is %d, its files "
		 "are below %s",
		 target->who.pid_depth > 1 ? "pid namespace" : "",
		 target->who.pid_depth > 1 && target->root >= 0 ? " and " : "",
		 target->root >= 0 ? "root or mount namespace" : "",
		 (int)target->who.own_pid,
		 target->root >= 0 ? target->root_name : "/");
	exam_fix(exam, "the library must lie in there; pids and paths that "
		       "leakshim prints are ours");
}

/* --- what it has loaded ----------------------------------------------------- */

/* The path that ends a line of /proc/PID/maps; NULL: none. */
static char *
path_of(char *line)
{
	char *path = strchr(line, '/');

	if (path)
		path[strcspn(path, "\n")] = '\0';
	return path;
}

/* Returns its C library as we can open it, or NULL; the caller frees it. */
static char *
look_at_libraries(struct exam *exam, const struct target *target,
		  const struct exam_place *place, const char *exe)
{
	int fd = procfs_body_open(&target->proc, "maps", O_RDONLY);
	char *line = NULL, *last = xstrdup(exe), *path;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	size_t capacity = 0, seen = 0;
	char *libc = NULL;

	if (!file) {
		if (fd >= 0)
			close(fd);
		free(last);
		return NULL;
	}
	while (seen < FILES_MAX && getline(&line, &capacity, file) > 0) {
		path = path_of(line);
		/* The mappings of a file follow each other. */
		if (!path || !strcmp(path, last))
			continue;
		seen++;
		free(last);
		last = xstrdup(path);
		exam_program_library(exam, path);
		exam_runtime_library(exam, path);
		if (!libc && !strcmp(path_base(path), "libc.so.6"))
			libc = exam_place_path(place, path);
	}
	free(line);
	free(last);
	fclose(file);
	return libc;
}

/* Its arguments, for exam_runtime(); `argv` points into the text, which the
 * caller frees. */
static char *
read_arguments(const struct target *target, char *argv[ARGUMENTS_MAX + 1])
{
	int fd = procfs_body_open(&target->proc, "cmdline", O_RDONLY);
	char *text = xcalloc(1, ARGUMENTS_BYTES + 1);
	ssize_t bytes = fd < 0 ? 0 : read(fd, text, ARGUMENTS_BYTES);
	char *at = text;
	size_t count = 0;

	if (fd >= 0)
		close(fd);
	while (at < text + bytes && count < ARGUMENTS_MAX) {
		argv[count++] = at;
		at += strlen(at) + 1;
	}
	argv[count] = NULL;
	return text;
}

/* As look_at_libraries(). */
static char *
look_at_program(struct exam *exam, const struct target *target,
		const struct exam_place *place, const char *exe, bool deleted)
{
	char *argv[ARGUMENTS_MAX + 1], *text, name[48];
	int body = procfs_body_take(&target->proc), result;
	struct elf_file file;
	struct err err;

	snprintf(name, sizeof(name), "/proc/self/fd/%d/exe", body);
	result = elf_file_open(&file, name, &err);
	procfs_body_give(&target->proc, body);
	if (result < 0) {
		exam_add(exam, EXAM_UNREADABLE, EXAM_WARNING,
			 "its program can't be read: what it is can't be "
			 "told");
		fix_rights(exam);
		return NULL;
	}
	exam_program(exam, &file, exe, false);
	elf_file_close(&file);
	if (deleted) {
		exam_add(exam, EXAM_REPLACED, EXAM_NOTE,
			 "%s was replaced or removed since the start: what "
			 "lies there now has other symbols",
			 exe);
		exam_fix(exam, "start it anew, or copy /proc/PID/exe while "
			       "it runs");
	}
	text = read_arguments(target, argv);
	exam_runtime(exam, exe, argv, place);
	free(text);
	return look_at_libraries(exam, target, place, exe);
}

char *
exam_process_name(const struct target *target)
{
	char exe[PATH_MAX], *comm;

	if (!procfs_exe(&target->proc, exe, NULL))
		return xstrdup(exe);
	comm = procfs_text_read(target->proc.fd, "comm");
	if (!comm)
		return xstrdup("process");
	comm[strcspn(comm, "\n")] = '\0';
	return comm;
}

int
exam_process(struct exam *exam, struct target *target,
	     const struct exam_place *place, struct err *err)
{
	struct err complaint = { .text = "" };
	char exe[PATH_MAX] = "";
	bool deleted = false, tracked;
	const char *program;
	char *libc = NULL;

	tracked = target_find(target, &complaint) == 1 &&
		  !target_moved_on(target);
	if (!target_alive(target))
		return err_set(err, ERR_TARGET, "process %d has ended",
			       (int)target->proc.pid);
	if (!procfs_exe(&target->proc, exe, &deleted))
		libc = look_at_program(exam, target, place, exe, deleted);
	else
		exam_add(exam, EXAM_UNREADABLE, EXAM_WARNING,
			 "process %d can't be looked into: what it is can't "
			 "be told",
			 (int)target->proc.pid);
	if (!*exe)
		fix_rights(exam);
	program = path_base(exe);
	if (tracked)
		look_at_status(exam, &target->status);
	else
		look_at_untracked(exam, target, place, complaint.text);
	look_at_auxv(exam, target);
	look_at_kernel(exam, target, place, program, tracked);
	look_at_walls(exam, target, exe);
	exam_process_ptrace(exam, PTRACE_SCOPE);
	/* What was asked for at the start is in force, and told above. */
	if (!tracked)
		exam_surroundings(exam, place, program, libc);
	free(libc);
	return 0;
}
