/*
 * What a program's or a library's file says about itself: its machine, loader,
 * libraries, symbols, and the rights that it gives to whoever starts it.
 *
 * The file is untrusted: it is never mapped (truncating it would kill us),
 * everything is bounded, and what can't be read is said to be absent, so that
 * a damaged file yields fewer facts and never an error of ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../analyzer/err.h"

/* As much of a script's first line as the kernel reads. */
#define ELF_FILE_SHEBANG_BYTES 256
/* DT_NEEDED entries kept; real programs have up to a few hundred. */
#define ELF_FILE_NEEDED_MAX 1024
/* Bytes of a build-id that are kept; real ones have 20. */
#define ELF_FILE_BUILD_ID_MAX 64

#define ELF_FILE_TEXT_MAX 64

enum elf_file_kind {
	ELF_FILE_OTHER,  /* nothing that execve(2) takes by itself */
	ELF_FILE_SCRIPT, /* begins with #! */
	ELF_FILE_ELF,
};

struct elf_file {
	enum elf_file_kind kind;
	char *path; /* owned, as it was opened */
	int fd;     /* owned */
	/* The file itself, for all kinds. */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool has_capabilities; /* security.capability is set */
	bool may_suid;         /* not on a file system mounted nosuid */
	/* ELF_FILE_SCRIPT: both owned; the argument is NULL if there is none.
	 * An interpreter "" means that the kernel refuses the script. */
	char *interpreter;
	char *argument;
	/* ELF_FILE_ELF. */
	uint16_t machine; /* EM_ */
	uint16_t type;    /* ET_ */
	bool is_64;
	bool is_little;
	bool is_own_machine; /* this leakshim's machine, class, byte order */
	bool is_damaged;     /* headers or tables that are not what they say */
	bool is_dynamic;     /* has PT_DYNAMIC */
	bool has_unwind;     /* has PT_GNU_EH_FRAME */
	bool has_symtab;     /* .symtab with symbols */
	bool has_debug_info; /* .debug_info with content */
	bool is_go;          /* has Go's build information or build-id */
	char *loader;        /* PT_INTERP, NULL = none; owned */
	char *soname;        /* owned, NULL = none */
	char *runpath;       /* DT_RUNPATH, else DT_RPATH; owned, may be NULL */
	char *debug_link;    /* .gnu_debuglink; owned, NULL = none */
	char **needed;       /* DT_NEEDED in order; owned */
	size_t needed_count;
	uint8_t build_id[ELF_FILE_BUILD_ID_MAX];
	size_t build_id_bytes; /* 0 = none */
};

/* How a file has a symbol. The order is that of what it means for the loader:
 * a greater one hides the smaller. */
enum elf_file_symbol {
	ELF_FILE_ABSENT,
	ELF_FILE_IMPORTED, /* undefined in .dynsym */
	ELF_FILE_LOCAL,    /* defined, in .symtab only: seen by nobody else */
	ELF_FILE_EXPORTED, /* defined in .dynsym and visible */
};

/*
 * Opens `path` (links are followed) and reads all but the symbols. -1 with
 * `err` (ERR_OPEN) if it can't be opened or read, or is no regular file;
 * elf_file_close() after 0 only.
 */
int elf_file_open(struct elf_file *file, const char *path, struct err *err)
	__attribute__((warn_unused_result));
void elf_file_close(struct elf_file *file);

/*
 * Looks for `count` symbols in one pass over both tables and sets found[i].
 * A name that ends in '*' is a prefix. `names` is borrowed for the call.
 * Without a .symtab what is local can't be seen and is ELF_FILE_ABSENT.
 */
void elf_file_symbols(const struct elf_file *file, const char *const *names,
		      size_t count, enum elf_file_symbol *found);

/* Looks for `count` texts anywhere in the file's first half gibibyte: what
 * stripping leaves. At most ELF_FILE_TEXT_MAX bytes each. */
void elf_file_texts(const struct elf_file *file, const char *const *texts,
		    size_t count, bool *found);

/*
 * Calls `visit` for each version ("GLIBC_2.34") that the file needs of the
 * library `soname`, until one call returns false.
 */
void elf_file_versions(const struct elf_file *file, const char *soname,
		       bool (*visit)(const char *version, void *arg),
		       void *arg);

/* The name of a sanitizer's run-time ("AddressSanitizer") that is in the file
 * or that it needs, NULL if there is none. Borrowed for ever. */
const char *elf_file_sanitizer(const struct elf_file *file);

/* The same of a library, by its base name or path: "libasan.so.8". Pure. */
const char *elf_file_sanitizer_library(const char *path);

/*
 * Why the loader ignores LD_PRELOAD when we (our ids, our no_new_privs) start
 * the file: "set-user-ID", "set-group-ID", "file capabilities"; NULL if it
 * does not. Borrowed for ever.
 */
const char *elf_file_raises(const struct elf_file *file);

/* True for the loaders of glibc: ld-linux*.so.N, ld64.so.N. A base name or a
 * path. Pure. */
bool elf_file_is_glibc_loader(const char *path);
/* The same of musl: ld-musl-*. Pure. */
bool elf_file_is_musl_loader(const char *path);
