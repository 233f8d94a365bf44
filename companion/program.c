#include "program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../analyzer/strbuf.h"
#include "../analyzer/xalloc.h"

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "program.c does not know this machine's ELF number"
#endif

/* What execvp(3) searches without PATH. */
#define DEFAULT_PATH "/bin:/usr/bin"

/* As much of a script's first line as the kernel reads. */
#define SHEBANG_BYTES 256

/* Segments looked at; real programs have about 13. */
#define SEGMENTS_MAX 128

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

/* The loader ignores LD_PRELOAD (AT_SECURE) where the file gives the process
 * an id or a capability that its caller does not have. */
static int
check_privileges(int fd, const char *path, struct err *err)
{
	const char *why = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		why = "it is set-user-ID";
	else if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP) &&
		 st.st_gid != getgid())
		why = "it is set-group-ID";
	else if (getuid() != 0 &&
		 fgetxattr(fd, "security.capability", NULL, 0) > 0)
		why = "it has file capabilities";
	if (!why)
		return 0;
	return err_set(err, ERR_OPEN,
		       "cannot track '%s': %s, and such programs ignore "
		       "LD_PRELOAD; start it as the user that it becomes",
		       path, why);
}

/* Whether a program header of that type is there; true if they can't be read,
 * so that doubt never refuses. */
static bool
has_segment(int fd, const Elf64_Ehdr *elf, uint32_t type)
{
	Elf64_Phdr segment;
	unsigned int i;
	off_t at;

	if (elf->e_phentsize != sizeof(segment) || elf->e_phnum > SEGMENTS_MAX)
		return true;
	for (i = 0; i < elf->e_phnum; i++) {
		at = (off_t)(elf->e_phoff + i * sizeof(segment));
		if (pread(fd, &segment, sizeof(segment), at) !=
		    (ssize_t)sizeof(segment))
			return true;
		if (segment.p_type == type)
			return true;
	}
	return false;
}

static bool
is_loader(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strncmp(slash ? slash + 1 : path, "ld-linux", 8);
}

static int
check_elf(int fd, const char *path, struct err *err)
{
	Elf64_Ehdr elf;

	memset(&elf, 0, sizeof(elf));
	if (pread(fd, &elf, sizeof(elf), 0) < EI_NIDENT ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	if (elf.e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf.e_ident[EI_DATA] != ELFDATA2LSB || elf.e_machine != OWN_MACHINE)
		return err_set(err, ERR_OPEN,
			       "cannot track '%s': it is a program of another "
			       "machine or word size than this leakshim",
			       path);
	/* The loader itself has no interpreter, and preloads into what it is
	 * told to start. */
	if (!has_segment(fd, &elf, PT_INTERP) && !is_loader(path))
		return err_set(err, ERR_OPEN,
			       "cannot track '%s': it is statically linked, "
			       "so nothing can be preloaded into it",
			       path);
	return 0;
}

int
program_check(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int result;

	/* Executable but unreadable: exec decides. */
	if (fd < 0)
		return 0;
	result = check_privileges(fd, path, err);
	if (!result)
		result = check_elf(fd, path, err);
	close(fd);
	return result;
}

static char *
real_base(const char *path)
{
	char *real = realpath(path, NULL), *slash, *base;

	if (!real)
		return NULL;
	slash = strrchr(real, '/');
	base = xstrdup(slash ? slash + 1 : real);
	free(real);
	return base;
}

char *
program_exe_name(const char *path)
{
	char line[SHEBANG_BYTES + 1], *at, *base;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t bytes = fd < 0 ? 0 : read(fd, line, SHEBANG_BYTES);

	if (fd >= 0)
		close(fd);
	if (bytes < 2 || line[0] != '#' || line[1] != '!')
		return real_base(path);
	line[bytes] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	at[strcspn(at, " \t\r\n")] = '\0';
	base = real_base(at);
	/* env goes on to run something else. */
	if (base && !strcmp(base, "env")) {
		free(base);
		base = NULL;
	}
	return base;
}
