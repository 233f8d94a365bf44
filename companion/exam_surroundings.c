#include "exam_surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../analyzer/format.h"
#include "../analyzer/parse.h"
#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"
#include "../proto/defaults.h"
#include "elf_file.h"
#include "exam_program.h"
#include "naming.h"
#include "overlay.h"
#include "procfs_text.h"
#include "trial.h"

/* Room for some tens of snapshots of a large program (4 MB each). */
#define SPACE_BYTES (UINT64_C(64) << 20)
/* One of the largest. */
#define FILE_BYTES (UINT64_C(8) << 20)

static const char *
options_of(const struct exam_place *place)
{
	const char *options = exam_place_getenv(place, "LEAKSHIM");

	return options ? options : "";
}

/* The option, "" = not set. The caller frees it. */
static char *
option_of(const struct exam_place *place, const char *key)
{
	char *value = overlay_get(options_of(place), key);

	return value ? value : xstrdup("");
}

/* --- our library ------------------------------------------------------------ */

/* Why the file can't be a library of this machine, NULL if it can. */
static const char *
judge_library(const char *path)
{
	enum elf_file_symbol found;
	const char *name = "malloc", *why = NULL;
	struct elf_file file;
	struct err err;

	if (elf_file_open(&file, path, &err) < 0)
		return "it can't be read";
	elf_file_symbols(&file, &name, 1, &found);
	if (file.kind != ELF_FILE_ELF || file.is_damaged || !file.is_dynamic)
		why = "it is no shared library, or a damaged one";
	else if (!file.is_own_machine)
		why = "it was built for another machine";
	else if (found != ELF_FILE_EXPORTED)
		why = "it has no malloc: it is another library";
	elf_file_close(&file);
	return why;
}

void
exam_surroundings_library(struct exam *exam, const struct exam_place *place,
			  const char *path)
{
	const char *why = judge_library(path);
	struct statvfs system;
	char *seen;

	if (why) {
		exam_add(exam, EXAM_LIBRARY, EXAM_BLIND,
			 "%s can't be loaded: %s", path, why);
		exam_fix(exam, "install leakshim anew");
		return;
	}
	seen = exam_place_path(place, path);
	if (exam_place_access(place, path, R_OK) < 0) {
		exam_add(exam, EXAM_LIBRARY, EXAM_BLIND,
			 "the program can't load %s: %s%s", path,
			 strerror(errno),
			 *place->root ? " where its root is" : "");
		exam_fix(exam,
			 *place->root
				 ? "copy or mount the library into the "
				   "container, and name it in LD_PRELOAD as it "
				   "is called there"
				 : "install leakshim where every user may "
				   "read it");
	} else if (!statvfs(seen, &system) && (system.f_flag & ST_NOEXEC)) {
		exam_add(exam, EXAM_LIBRARY, EXAM_BLIND,
			 "the program can't load %s: its file system is "
			 "mounted noexec",
			 path);
		exam_fix(exam, "copy libleakshim.so to a file system without "
			       "noexec");
	}
	free(seen);
}

struct missing {
	struct elf_file libc;
	char version[32]; /* the first that it lacks */
};

static bool
visit_version(const char *version, void *arg)
{
	struct missing *missing = arg;
	bool found = true;

	/* A library's versions are texts in it. */
	if (strlen(version) < sizeof(missing->version))
		elf_file_texts(&missing->libc, &version, 1, &found);
	if (!found)
		snprintf(missing->version, sizeof(missing->version), "%s",
			 version);
	return found;
}

void
exam_surroundings_libc(struct exam *exam, const char *path, const char *libc)
{
	struct missing missing = { .version = "" };
	struct elf_file library;
	struct err err;

	if (elf_file_open(&missing.libc, libc, &err) < 0)
		return;
	if (!elf_file_open(&library, path, &err)) {
		elf_file_versions(&library, "libc.so.6", visit_version,
				  &missing);
		elf_file_close(&library);
	}
	elf_file_close(&missing.libc);
	if (!*missing.version)
		return;
	exam_add(exam, EXAM_LIBC, EXAM_BLIND,
		 "the program's C library is older than libleakshim.so needs: "
		 "it lacks %s",
		 missing.version);
	exam_fix(exam, "build leakshim on the oldest system where it is used");
}

static void
look_at_options(struct exam *exam, const struct exam_place *place,
		const char *library)
{
	const char *options = options_of(place);
	struct strbuf said = { 0 };
	struct err err;
	char *line, *rest;

	/* Another user's words are not for us to try. */
	if (place->uid != geteuid())
		return;
	if (*options && !trial_of_options(&said, library, options, &err) &&
	    said.len)
		for (line = strtok_r(said.data, "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			exam_add(exam, EXAM_OPTIONS, EXAM_WARNING,
				 "LEAKSHIM: %s", line);
			exam_fix(exam, "leakshim(7) has the options; a bad one "
				       "is left out");
		}
	strbuf_release(&said);
}

static void
look_at_only(struct exam *exam, const struct exam_place *place,
	     const char *program)
{
	char *only = option_of(place, "only");

	if (*only && strcmp(only, "all") != 0 &&
	    fnmatch(only, program, 0) != 0) {
		exam_add(exam, EXAM_OPTIONS, EXAM_BLIND,
			 "only=%s leaves out %s", only, program);
		exam_fix(exam, "set only= to a glob of the program's name");
	}
	free(only);
}

/* --- other preloaded libraries ---------------------------------------------- */

static void
look_at_preload_list(struct exam *exam, const char *list, const char *where)
{
	struct strbuf others = { 0 };
	size_t bytes;
	char *name;

	for (; *list; list += bytes) {
		list += strspn(list, " :\t\n");
		bytes = strcspn(list, " :\t\n");
		if (!bytes)
			break;
		name = xcalloc(bytes + 1, 1);
		memcpy(name, list, bytes);
		if (strcmp(path_base(name), OVERLAY_LIBRARY) != 0) {
			strbuf_addf(&others, "%s%s", others.len ? ", " : "",
				    path_base(name));
			exam_program_library(exam, name);
		}
		free(name);
	}
	if (others.len) {
		exam_add(exam, EXAM_PRELOAD, EXAM_NOTE,
			 "%s preloads %s as well, behind libleakshim.so", where,
			 strbuf_text(&others));
		exam_fix(exam, "if a result surprises, try without; two "
			       "profilers slow each other down");
	}
	strbuf_release(&others);
}

static void
look_at_preload(struct exam *exam, const struct exam_place *place)
{
	const char *preload = exam_place_getenv(place, "LD_PRELOAD");
	char *path = exam_place_path(place, "/etc/ld.so.preload");
	char *text = procfs_text_read(AT_FDCWD, path);

	if (preload)
		look_at_preload_list(exam, preload, "LD_PRELOAD");
	if (text)
		look_at_preload_list(exam, text, "/etc/ld.so.preload");
	free(text);
	free(path);
}

/* --- where snapshots go ----------------------------------------------------- */

/* The directory of the snapshots, as the program names it. NULL: relative to
 * one that is not known. */
static char *
find_directory(const struct exam_place *place, const char *program)
{
	char *path = NULL, *slash, *seen;
	struct naming naming;
	bool is_directory;
	struct stat st;

	naming_init_unseen(&naming, options_of(place), program,
			   place->directory ? place->directory : "");
	if (place->directory || naming.template[0] == '/')
		path = naming_path(&naming, 0, "1");
	naming_release(&naming);
	if (!path)
		return NULL;
	seen = exam_place_path(place, path);
	is_directory = !stat(seen, &st) && S_ISDIR(st.st_mode);
	free(seen);
	slash = strrchr(path, '/');
	if (!is_directory)
		slash[slash == path] = '\0';
	return path;
}

static void
look_at_space(struct exam *exam, const struct exam_place *place,
	      const char *directory)
{
	char *seen = exam_place_path(place, directory);
	struct strbuf left = { 0 };
	struct statvfs system;
	uint64_t bytes;

	if (!statvfs(seen, &system) && system.f_blocks &&
	    !__builtin_mul_overflow((uint64_t)system.f_bavail,
				    (uint64_t)system.f_frsize, &bytes) &&
	    bytes < SPACE_BYTES) {
		format_bytes(&left, (int64_t)bytes, false);
		exam_add(exam, EXAM_SPACE, EXAM_WARNING,
			 "only %s are left in %s, where snapshots go",
			 strbuf_text(&left), directory);
		exam_fix(exam, "set out= to another file system, or keep= to "
			       "a small number");
	}
	strbuf_release(&left);
	free(seen);
}

void
exam_surroundings_output(struct exam *exam, const struct exam_place *place,
			 const char *program)
{
	char *directory = find_directory(place, program);
	struct strbuf other = { 0 };
	const char *in;
	int error;

	strbuf_addf(&other, LKS_FALLBACK_DIRECTORY "%u",
		    (unsigned int)place->uid);
	in = directory ? directory : strbuf_text(&other);
	if (directory && exam_place_access(place, directory, W_OK | X_OK) < 0) {
		error = errno;
		/* It need not be there yet. */
		in = exam_place_access(place, strbuf_text(&other),
				       W_OK | X_OK) < 0 &&
				     (errno != ENOENT ||
				      exam_place_access(place, "/tmp",
							W_OK | X_OK) < 0)
			     ? NULL
			     : strbuf_text(&other);
		if (in)
			exam_add(exam, EXAM_OUTPUT, EXAM_WARNING,
				 "snapshots can't be written in %s (%s), and "
				 "would go to %s",
				 directory, strerror(error), in);
		else
			exam_add(exam, EXAM_OUTPUT, EXAM_BLIND,
				 "snapshots can't be written, neither in %s "
				 "(%s) nor in %s",
				 directory, strerror(error),
				 strbuf_text(&other));
		exam_fix(exam,
			 "set out= to a directory that user %u may "
			 "write in",
			 (unsigned int)place->uid);
	}
	if (in && !exam_place_access(place, in, X_OK))
		look_at_space(exam, place, in);
	else if (in)
		look_at_space(exam, place, "/tmp");
	strbuf_release(&other);
	free(directory);
}

static void
look_at_file_size(struct exam *exam, const struct exam_place *place)
{
	struct strbuf limit = { 0 };

	if (place->file_size_bytes >= FILE_BYTES)
		return;
	format_bytes(&limit, (int64_t)place->file_size_bytes, false);
	exam_add(exam, EXAM_FILE_SIZE, EXAM_WARNING,
		 "files may have %s at most (RLIMIT_FSIZE): a larger snapshot "
		 "can't be written",
		 strbuf_text(&limit));
	exam_fix(exam, "raise the limit (ulimit -f, LimitFSIZE=)");
	strbuf_release(&limit);
}

/* --- memory ----------------------------------------------------------------- */

void
exam_surroundings_memory(struct exam *exam, const struct exam_place *place)
{
	char *memory = option_of(place, "memory");
	struct strbuf has = { 0 }, wants = { 0 };
	bool is_set = parse_size(memory, &(int64_t){ 0 });
	int64_t bytes = (int64_t)LKS_MEMORY_DEFAULT;
	uint64_t cgroup = place->cgroup_bytes;

	if (is_set)
		is_set = parse_size(memory, &bytes) && bytes > 0;
	else if (cgroup && cgroup / LKS_MEMORY_SHARE < (uint64_t)bytes)
		bytes = (int64_t)(cgroup / LKS_MEMORY_SHARE);
	if (bytes < (int64_t)LKS_MEMORY_MIN)
		bytes = (int64_t)LKS_MEMORY_MIN;
	format_bytes(&wants, bytes, false);
	if (place->address_space_bytes < (uint64_t)bytes) {
		format_bytes(&has, (int64_t)place->address_space_bytes, false);
		exam_add(exam, EXAM_MEMORY, EXAM_WARNING,
			 "the address space is limited to %s (RLIMIT_AS), and "
			 "the shim's tables may take %s",
			 strbuf_text(&has), strbuf_text(&wants));
		exam_fix(exam, "raise the limit, or set memory= to an eighth "
			       "of it");
	} else if (cgroup && (uint64_t)bytes > cgroup / 4) {
		format_bytes(&has, (int64_t)cgroup, false);
		exam_add(exam, EXAM_MEMORY, EXAM_WARNING,
			 "the cgroup is limited to %s, and the shim's tables "
			 "may take %s of it",
			 strbuf_text(&has), strbuf_text(&wants));
		exam_fix(exam,
			 is_set ? "set memory= to an eighth of the limit, "
				  "which is its default"
				: "raise the limit while the program is "
				  "tracked");
	}
	strbuf_release(&wants);
	strbuf_release(&has);
	free(memory);
}

void
exam_surroundings(struct exam *exam, const struct exam_place *place,
		  const char *program, const char *libc)
{
	struct err err;
	char *library = overlay_library(&err);

	if (library) {
		exam_surroundings_library(exam, place, library);
		if (libc)
			exam_surroundings_libc(exam, library, libc);
		/* A trial would only say that the loader could not. */
		if (!exam_has(exam, EXAM_LIBRARY))
			look_at_options(exam, place, library);
	} else {
		exam_add(exam, EXAM_LIBRARY, EXAM_BLIND, "%s", err.text);
		exam_fix(exam, "install libleakshim.so beside leakshim, or "
			       "anew");
	}
	free(library);
	look_at_only(exam, place, program);
	look_at_preload(exam, place);
	exam_surroundings_output(exam, place, program);
	look_at_file_size(exam, place);
	exam_surroundings_memory(exam, place);
}
