#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"
#include "elf_file.h"

/* What execvp(3) searches without PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* 0, or -1 with errno. */
static int
can_run(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EACCES;
		return -1;
	}
	return eaccess(path, X_OK);
}

static char *
find_in_path(const char *name)
{
	const char *at = getenv("PATH");
	struct strbuf path = { 0 };
	int error = ENOENT;
	size_t bytes;

	for (at = at ? at : DEFAULT_PATH;; at += bytes + 1) {
		bytes = strcspn(at, ":");
		strbuf_clear(&path);
		strbuf_add(&path, at, bytes);
		/* An empty entry is the current directory. */
		if (bytes)
			strbuf_addc(&path, '/');
		strbuf_adds(&path, name);
		if (!can_run(strbuf_text(&path)))
			return strbuf_detach(&path);
		if (errno == EACCES)
			error = EACCES;
		if (!at[bytes])
			break;
	}
	strbuf_release(&path);
	errno = error;
	return NULL;
}

char *
program_find(const char *name)
{
	if (!*name) {
		errno = ENOENT;
		return NULL;
	}
	if (!strchr(name, '/'))
		return find_in_path(name);
	return can_run(name) < 0 ? NULL : xstrdup(name);
}

static int
refuse(const char *path, const char *why, const char *advice, struct err *err)
{
	return err_set(err, ERR_OPEN, "cannot track '%s': it %s%s", path, why,
		       advice);
}

static int
check_elf(const struct elf_file *file, struct err *err)
{
	const char *sanitizer;
	char why[64];

	if (file->machine && !file->is_own_machine)
		return refuse(file->path,
			      "is a program of another machine or word size "
			      "than this leakshim",
			      "", err);
	/* What can't be read speaks for nothing: exec decides. */
	if (file->is_damaged)
		return 0;
	/* The loader itself has no interpreter, and preloads into what it is
	 * told to start. */
	if (!file->loader && !elf_file_is_glibc_loader(file->path))
		return refuse(file->path, "is statically linked",
			      ", so nothing can be preloaded into it", err);
	sanitizer = elf_file_sanitizer(file);
	if (!sanitizer)
		return 0;
	snprintf(why, sizeof(why), "was built with %s", sanitizer);
	return refuse(file->path, why,
		      ", which replaces the allocator itself: take a build "
		      "without it",
		      err);
}

int
program_check(const char *path, struct err *err)
{
	const char *rights;
	struct elf_file file;
	struct err ignored;
	char why[64];
	int result = 0;

	/* Executable but unreadable: exec decides. */
	if (elf_file_open(&file, path, &ignored) < 0)
		return 0;
	rights = elf_file_raises(&file);
	if (rights) {
		snprintf(why, sizeof(why), "%s %s",
			 rights[0] == 's' ? "is" : "has", rights);
		result = refuse(path, why,
				", and such programs ignore LD_PRELOAD; start "
				"it as the user that it becomes",
				err);
	} else if (file.kind == ELF_FILE_ELF) {
		result = check_elf(&file, err);
	}
	elf_file_close(&file);
	return result;
}

static char *
base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return xstrdup(slash ? slash + 1 : path);
}

/* What the kernel starts for a script has the script's name, which is no link
 * to it, so that its file's own name counts. */
static char *
interpreter_name(const char *path)
{
	char *real = realpath(path, NULL), *base;

	if (!real)
		return NULL;
	base = base_of(real);
	free(real);
	/* env goes on to run something else. */
	if (!strcmp(base, "env")) {
		free(base);
		base = NULL;
	}
	return base;
}

char *
program_name(const char *path)
{
	struct elf_file file;
	struct err ignored;
	char *name;

	if (elf_file_open(&file, path, &ignored) < 0)
		return base_of(path);
	if (file.kind == ELF_FILE_SCRIPT)
		name = interpreter_name(file.interpreter);
	else
		name = base_of(path);
	elf_file_close(&file);
	return name;
}
