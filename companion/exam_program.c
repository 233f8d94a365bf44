#include "exam_program.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/strbuf.h"
#include "debian.h"
#include "needed.h"

/* Where debug files of other directories would lie is leakdiff's --debug-dir;
 * this is the default of both. */
#define DEBUG_ROOT "/usr/lib/debug"

/* --- can it be preloaded? --------------------------------------------------- */

static void
look_at_rights(struct exam *exam, const struct elf_file *file, const char *name)
{
	const char *why = elf_file_raises(file);

	if (!why)
		return;
	exam_add(exam, EXAM_PRIVILEGES, EXAM_BLIND,
		 "%s raises its privileges (%s), and the loader ignores "
		 "LD_PRELOAD in such programs",
		 name, why);
	exam_fix(exam, "start it as the user that it becomes, or start a copy "
		       "without these rights");
}

/* Returns false if nothing else is worth saying. */
static bool
look_at_machine(struct exam *exam, const struct elf_file *file,
		const char *name)
{
	if (file->is_own_machine)
		return true;
	if (file->is_64)
		exam_add(exam, EXAM_ARCHITECTURE, EXAM_BLIND,
			 "%s is a program of another machine than this "
			 "leakshim",
			 name);
	else
		exam_add(exam, EXAM_ARCHITECTURE, EXAM_BLIND,
			 "%s is a 32-bit program, and libleakshim.so is a "
			 "64-bit library",
			 name);
	exam_fix(exam, "use a leakshim that was built for that machine, or "
		       "build the program for this one");
	return false;
}

static void
look_at_loader(struct exam *exam, const struct elf_file *file, const char *name)
{
	/* The loader itself has none, and preloads into what it starts. */
	if (!file->loader &&
	    (elf_file_is_glibc_loader(name) ||
	     (file->soname && elf_file_is_glibc_loader(file->soname))))
		return;
	if (!file->loader && file->is_damaged)
		return; /* it may be in what can't be read */
	if (!file->loader) {
		exam_add(exam, EXAM_STATIC, EXAM_BLIND,
			 "%s is statically linked, so nothing can be preloaded "
			 "into it",
			 name);
		exam_fix(exam, "link it dynamically (without -static and "
			       "-static-pie)");
	} else if (elf_file_is_musl_loader(file->loader)) {
		exam_add(exam, EXAM_LIBC, EXAM_BLIND,
			 "%s uses musl (%s), and libleakshim.so is made for "
			 "the GNU C library",
			 name, file->loader);
		exam_fix(exam, "build the program for the GNU C library, for "
			       "example in an image of Debian instead of "
			       "Alpine");
	} else if (!elf_file_is_glibc_loader(file->loader)) {
		exam_add(exam, EXAM_LIBC, EXAM_BLIND,
			 "%s is started by %s, which is not the GNU C "
			 "library's loader",
			 name, file->loader);
		exam_fix(exam, "build the program for the GNU C library");
	}
}

static void
look_at_sanitizer(struct exam *exam, const struct elf_file *file,
		  const char *name)
{
	const char *sanitizer = elf_file_sanitizer(file);

	if (!sanitizer)
		return;
	exam_add(exam, EXAM_SANITIZER, EXAM_BLIND,
		 "%s has %s, which is an allocator itself and does not allow "
		 "another in front of it: tracking would stay off",
		 name, sanitizer);
	exam_fix(exam, "track a build without -fsanitize");
}

/* --- does malloc lead to us? ------------------------------------------------ */

static const struct {
	const char *symbol;
	const char *name;
} allocators[] = {
	{ "je_malloc", "jemalloc" },
	{ "je_mallocx", "jemalloc" },
	{ "_rjem_*", "jemalloc" },
	{ "mallocx", "jemalloc" },
	{ "mi_malloc", "mimalloc" },
	{ "mi_heap_malloc", "mimalloc" },
	{ "tc_malloc", "tcmalloc" },
	{ "TCMallocInternalMalloc", "tcmalloc" },
	{ "rpmalloc", "rpmalloc" },
	{ "sn_rust_alloc", "snmalloc" },
	{ "_ZN15partition_alloc*", "PartitionAlloc" },
};

#define ALLOCATORS (sizeof(allocators) / sizeof(allocators[0]))

/* What they say when they fail, for programs without symbols. */
static const struct {
	const char *text;
	const char *name;
} allocator_texts[] = {
	{ "<jemalloc>: ", "jemalloc" },
	{ "mimalloc: warning: ", "mimalloc" },
	{ "tcmalloc: large alloc", "tcmalloc" },
	{ "TCMALLOC_LARGE_ALLOC_REPORT_THRESHOLD", "tcmalloc" },
};

#define ALLOCATOR_TEXTS (sizeof(allocator_texts) / sizeof(allocator_texts[0]))

static const char *
find_allocator_text(const struct elf_file *file)
{
	const char *texts[ALLOCATOR_TEXTS];
	bool found[ALLOCATOR_TEXTS];
	size_t i;

	for (i = 0; i < ALLOCATOR_TEXTS; i++)
		texts[i] = allocator_texts[i].text;
	elf_file_texts(file, texts, ALLOCATOR_TEXTS, found);
	for (i = 0; i < ALLOCATOR_TEXTS; i++)
		if (found[i])
			return allocator_texts[i].name;
	return NULL;
}

static void
look_at_allocator(struct exam *exam, const struct elf_file *file,
		  const char *name)
{
	enum { MALLOC, FREE, FIRST };
	enum elf_file_symbol found[FIRST + ALLOCATORS];
	const char *names[FIRST + ALLOCATORS] = { "malloc", "free" };
	const char *kind = NULL;
	size_t i;

	for (i = 0; i < ALLOCATORS; i++)
		names[FIRST + i] = allocators[i].symbol;
	elf_file_symbols(file, names, FIRST + ALLOCATORS, found);
	for (i = 0; i < ALLOCATORS && !kind; i++)
		if (found[FIRST + i] >= ELF_FILE_LOCAL)
			kind = allocators[i].name;
	if (!kind && !file->has_symtab)
		kind = find_allocator_text(file);
	if (found[MALLOC] == ELF_FILE_EXPORTED) {
		exam_add(exam, EXAM_ALLOCATOR_EXPORTED, EXAM_BLIND,
			 "%s exports a malloc of its own%s%s%s: the program "
			 "comes before every preloaded library, so that all "
			 "calls go there",
			 name, kind ? " (" : "", kind ? kind : "",
			 kind ? ")" : "");
		exam_fix(exam, "link the allocator as a shared library, or "
			       "build without it");
	} else if ((found[MALLOC] == ELF_FILE_LOCAL &&
		    found[FREE] == ELF_FILE_LOCAL) ||
		   kind) {
		exam_add(exam, EXAM_ALLOCATOR_STATIC, EXAM_BLIND,
			 "%s has %s linked in: what its own code allocates "
			 "there bypasses libleakshim.so, and only libraries "
			 "that call malloc are seen",
			 name, kind ? kind : "an allocator");
		exam_fix(exam, "link the allocator as a shared library, or "
			       "build without it (Rust: without its "
			       "#[global_allocator])");
	}
}

/* --- what will reports say? ------------------------------------------------- */

static bool
exists(const struct strbuf *path)
{
	return !access(strbuf_text(path), R_OK);
}

/* Where the file is, as the system calls it. */
static bool
real_path(const struct elf_file *file, char path[PATH_MAX])
{
	char link[32];
	ssize_t bytes;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	bytes = readlink(link, path, PATH_MAX - 1);
	if (bytes <= 0 || path[0] != '/')
		return false;
	path[bytes] = '\0';
	return true;
}

static bool
has_debug_file(const struct elf_file *file)
{
	struct strbuf path = { 0 };
	char own[PATH_MAX];
	bool found = false;
	size_t i;

	if (file->build_id_bytes > 1) {
		strbuf_addf(&path, DEBUG_ROOT "/.build-id/%02x/",
			    file->build_id[0]);
		for (i = 1; i < file->build_id_bytes; i++)
			strbuf_addf(&path, "%02x", file->build_id[i]);
		strbuf_adds(&path, ".debug");
		found = exists(&path);
	}
	if (!found && file->debug_link && !strchr(file->debug_link, '/') &&
	    real_path(file, own)) {
		*strrchr(own, '/') = '\0';
		strbuf_clear(&path);
		strbuf_addf(&path, "%s/%s", own, file->debug_link);
		found = exists(&path);
		if (!found) {
			strbuf_clear(&path);
			strbuf_addf(&path, "%s/.debug/%s", own,
				    file->debug_link);
			found = exists(&path);
		}
		if (!found) {
			strbuf_clear(&path);
			strbuf_addf(&path, DEBUG_ROOT "%s/%s", own,
				    file->debug_link);
			found = exists(&path);
		}
	}
	strbuf_release(&path);
	return found;
}

static void
fix_symbols(struct exam *exam, const struct elf_file *file)
{
	char path[PATH_MAX];
	char *package = real_path(file, path)
				? debian_package(DEBIAN_LISTS, path)
				: NULL;

	if (package)
		exam_fix(exam,
			 "install %s-dbgsym (from the archive debian-debug) on "
			 "the machine where leakdiff runs, or let leakdiff "
			 "--debuginfod fetch it",
			 package);
	else
		exam_fix(exam, "build with -g, and keep the file that was not "
			       "stripped for leakdiff --debug-dir");
	free(package);
}

static bool
lacks_lines(const struct elf_file *file)
{
	return !file->has_debug_info && !has_debug_file(file);
}

static void
look_at_names(struct exam *exam, const struct elf_file *file, const char *name)
{
	if (file->has_symtab)
		exam_add(exam, EXAM_DEBUG_INFO, EXAM_NOTE,
			 "%s has no debugging information: reports name "
			 "functions, but no lines and no inlined calls",
			 name);
	else
		exam_add(exam, EXAM_SYMBOLS, EXAM_NOTE,
			 "%s is stripped: reports name the functions that it "
			 "exports, and addresses of the others",
			 name);
	fix_symbols(exam, file);
}

/* A stub's own names are of no use to anybody. Returns false if it is none. */
static bool
look_at_body(struct exam *exam, const struct elf_file *file, const char *name)
{
	char *path = needed_body(file);
	struct strbuf what = { 0 };
	struct elf_file library;
	struct err err;

	if (!path || elf_file_open(&library, path, &err) < 0) {
		free(path);
		return false;
	}
	if (lacks_lines(&library)) {
		strbuf_addf(&what, "%s, which has most of the code of %s,",
			    path, name);
		look_at_names(exam, &library, strbuf_text(&what));
		strbuf_release(&what);
	}
	elf_file_close(&library);
	free(path);
	return true;
}

static void
look_at_symbols(struct exam *exam, const struct elf_file *file,
		const char *name)
{
	if (!file->has_unwind) {
		exam_add(exam, EXAM_UNWIND, EXAM_WARNING,
			 "%s has no table for unwinding (.eh_frame_hdr): call "
			 "stacks end where they enter it",
			 name);
		exam_fix(exam, "build with -fasynchronous-unwind-tables and "
			       "-Wl,--eh-frame-hdr, or with "
			       "-fno-omit-frame-pointer for --unwind=fp");
	}
	if (lacks_lines(file) && !look_at_body(exam, file, name))
		look_at_names(exam, file, name);
	if (!file->build_id_bytes) {
		exam_add(exam, EXAM_BUILD_ID, EXAM_NOTE,
			 "%s has no build-id: debug files can't be matched "
			 "with it, nor reports of different builds",
			 name);
		exam_fix(exam, "link with -Wl,--build-id");
	}
}

static void
look_at_go(struct exam *exam, const struct elf_file *file, const char *name)
{
	if (!file->is_go)
		return;
	exam_add(exam, EXAM_GO, file->loader ? EXAM_WARNING : EXAM_BLIND,
		 "%s is a Go program: Go's own heap does not use malloc%s",
		 name,
		 file->loader ? ", so that only its C parts (cgo) are seen"
			      : "");
	exam_fix(exam, "use net/http/pprof for Go's heap");
}

void
exam_program(struct exam *exam, const struct elf_file *file, const char *name,
	     bool is_start)
{
	if (file->kind != ELF_FILE_ELF) {
		exam_add(exam, EXAM_FORMAT, EXAM_BLIND,
			 "%s is neither a program of Linux nor a script: what "
			 "runs it can't be told",
			 name);
		exam_fix(exam, "examine the program that runs it");
		return;
	}
	if (is_start)
		look_at_rights(exam, file, name);
	if (file->is_damaged) {
		exam_add(exam, EXAM_DAMAGED, EXAM_WARNING,
			 "%s is damaged, or was changed by a packer: not all "
			 "of its headers can be read",
			 name);
		exam_fix(exam, "examine the file as the linker made it");
	}
	/* Without a machine the header itself could not be read. */
	if (!file->machine || !look_at_machine(exam, file, name))
		return;
	look_at_loader(exam, file, name);
	look_at_sanitizer(exam, file, name);
	look_at_go(exam, file, name);
	/* Where nothing is preloaded it does not matter whose malloc it is,
	 * and a static program always has one. */
	if (!file->loader)
		return;
	/* A sanitizer's own malloc has been told of. */
	if (!exam_has(exam, EXAM_SANITIZER))
		look_at_allocator(exam, file, name);
	/* Go's own call stacks are nothing that we could show. */
	if (!file->is_go)
		look_at_symbols(exam, file, name);
}

/* --- libraries -------------------------------------------------------------- */

static const struct {
	const char *prefix; /* of the base name */
	const char *name;
} allocator_libraries[] = {
	{ "libjemalloc.so", "jemalloc" }, { "libtcmalloc.so", "tcmalloc" },
	{ "libtcmalloc_", "tcmalloc" },   { "libmimalloc", "mimalloc" },
	{ "libsnmalloc", "snmalloc" },    { "librpmalloc", "rpmalloc" },
	{ "libhoard.so", "Hoard" },       { "libtbbmalloc", "TBB's allocator" },
};

#define ALLOCATOR_LIBRARIES                                                    \
	(sizeof(allocator_libraries) / sizeof(allocator_libraries[0]))

static bool
begins(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

void
exam_program_library(struct exam *exam, const char *path)
{
	const char *base = path_base(path);
	const char *sanitizer = elf_file_sanitizer_library(path);
	size_t i;

	for (i = 0; i < ALLOCATOR_LIBRARIES; i++)
		if (begins(base, allocator_libraries[i].prefix))
			exam_add(exam, EXAM_ALLOCATOR_LIBRARY, EXAM_OK,
				 "its allocator is %s (%s), a library: its "
				 "blocks are seen as malloc's are",
				 allocator_libraries[i].name, base);
	if (!sanitizer || exam_has(exam, EXAM_SANITIZER))
		return;
	exam_add(exam, EXAM_SANITIZER, EXAM_BLIND,
		 "it loads %s (%s), which is an allocator itself: tracking "
		 "would stay off",
		 sanitizer, base);
	exam_fix(exam, "track a build without -fsanitize");
}
