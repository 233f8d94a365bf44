/* What is in a file's tables of symbols, and what follows from it. */
#include "elf_file.h"

#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analyzer/path.h"
#include "../analyzer/xalloc.h"

/* A symbol or string table, or what is searched for texts: the largest
 * browsers' are about as large. What is larger is not looked at. */
#define TABLE_BYTES (512u << 20)
/* Sections looked at; one per function, before linking, is the most. */
#define SECTIONS_MAX 65536

/* --- symbols ---------------------------------------------------------------- */

struct wanted {
	const char *const *names;
	size_t count;
	enum elf_file_symbol *found;
};

static bool
is_named(const char *name, const char *wanted)
{
	size_t i;

	for (i = 0; wanted[i]; i++) {
		if (wanted[i] == '*' && !wanted[i + 1])
			return true;
		if (name[i] != wanted[i])
			return false;
	}
	return !name[i];
}

static enum elf_file_symbol
judge(const GElf_Sym *symbol, bool is_dynamic)
{
	int bind = GELF_ST_BIND(symbol->st_info);
	int type = GELF_ST_TYPE(symbol->st_info);
	int visibility = GELF_ST_VISIBILITY(symbol->st_other);

	if (type == STT_SECTION || type == STT_FILE)
		return ELF_FILE_ABSENT;
	if (symbol->st_shndx == SHN_UNDEF)
		return is_dynamic ? ELF_FILE_IMPORTED : ELF_FILE_ABSENT;
	if (is_dynamic && bind != STB_LOCAL && visibility != STV_HIDDEN &&
	    visibility != STV_INTERNAL)
		return ELF_FILE_EXPORTED;
	return ELF_FILE_LOCAL;
}

static void
look_at(const struct wanted *wanted, const char *name,
	enum elf_file_symbol kind)
{
	size_t i;

	for (i = 0; i < wanted->count; i++)
		if (kind > wanted->found[i] && is_named(name, wanted->names[i]))
			wanted->found[i] = kind;
}

static bool
may_read(Elf *elf, size_t index)
{
	Elf_Scn *section = elf_getscn(elf, index);
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) &&
	       header.sh_type == SHT_STRTAB && header.sh_size <= TABLE_BYTES;
}

static void
look_in_table(const struct wanted *wanted, Elf *elf, Elf_Scn *section,
	      const GElf_Shdr *header)
{
	Elf_Data *data;
	GElf_Sym symbol;
	const char *name;
	size_t i, count;

	if (header->sh_size > TABLE_BYTES || !header->sh_entsize ||
	    !may_read(elf, header->sh_link))
		return;
	data = elf_getdata(section, NULL);
	if (!data)
		return;
	count = data->d_size / header->sh_entsize;
	for (i = 1; i < count && gelf_getsym(data, (int)i, &symbol); i++) {
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && *name)
			look_at(wanted, name,
				judge(&symbol, header->sh_type == SHT_DYNSYM));
	}
}

void
elf_file_symbols(const struct elf_file *file, const char *const *names,
		 size_t count, enum elf_file_symbol *found)
{
	struct wanted wanted = { names, count, found };
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t i, seen = 0;
	Elf *elf;

	for (i = 0; i < count; i++)
		found[i] = ELF_FILE_ABSENT;
	if (file->kind != ELF_FILE_ELF)
		return;
	/* read_elf() has set the version. */
	elf = elf_begin(file->fd, ELF_C_READ, NULL);
	if (!elf)
		return;
	while ((section = elf_nextscn(elf, section)) && ++seen < SECTIONS_MAX)
		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_SYMTAB ||
		     header.sh_type == SHT_DYNSYM))
			look_in_table(&wanted, elf, section, &header);
	elf_end(elf);
}

void
elf_file_texts(const struct elf_file *file, const char *const *texts,
	       size_t count, bool *found)
{
	/* What may be the beginning of a text is kept for the next piece. */
	size_t kept = 0, i, bytes = 1u << 18;
	char *piece = xmalloc(bytes);
	ssize_t got;
	off_t at = 0;

	for (i = 0; i < count; i++)
		found[i] = false;
	while (at < TABLE_BYTES &&
	       (got = pread(file->fd, piece + kept, bytes - kept, at)) > 0) {
		at += got;
		kept += (size_t)got;
		for (i = 0; i < count; i++)
			if (!found[i])
				found[i] = memmem(piece, kept, texts[i],
						  strlen(texts[i])) != NULL;
		if (kept > ELF_FILE_TEXT_MAX) {
			memmove(piece, piece + kept - ELF_FILE_TEXT_MAX,
				ELF_FILE_TEXT_MAX);
			kept = ELF_FILE_TEXT_MAX;
		}
	}
	free(piece);
}

/* Those of one table of needed versions; false to stop. */
static bool
visit_versions(Elf *elf, Elf_Scn *section, const GElf_Shdr *header,
	       const char *soname,
	       bool (*visit)(const char *version, void *arg), void *arg)
{
	Elf_Data *data = elf_getdata(section, NULL);
	GElf_Verneed need;
	GElf_Vernaux entry;
	const char *name;
	size_t at = 0, entry_at;
	unsigned int i, j;

	/* Offsets lead on only; each table is as long as its header says. */
	for (i = 0; data && i < header->sh_info && at <= INT32_MAX &&
		    gelf_getverneed(data, (int)at, &need);
	     i++, at += need.vn_next) {
		name = elf_strptr(elf, header->sh_link, need.vn_file);
		entry_at = at + need.vn_aux;
		for (j = 0; name && !strcmp(name, soname) && j < need.vn_cnt &&
			    entry_at <= INT32_MAX &&
			    gelf_getvernaux(data, (int)entry_at, &entry);
		     j++, entry_at += entry.vna_next) {
			const char *version = elf_strptr(elf, header->sh_link,
							 entry.vna_name);

			if (version && !visit(version, arg))
				return false;
			if (!entry.vna_next)
				break;
		}
		if (!need.vn_next)
			break;
	}
	return true;
}

void
elf_file_versions(const struct elf_file *file, const char *soname,
		  bool (*visit)(const char *version, void *arg), void *arg)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	size_t seen = 0;
	Elf *elf;

	if (file->kind != ELF_FILE_ELF)
		return;
	elf = elf_begin(file->fd, ELF_C_READ, NULL);
	if (!elf)
		return;
	while ((section = elf_nextscn(elf, section)) && ++seen < SECTIONS_MAX)
		if (gelf_getshdr(section, &header) &&
		    header.sh_type == SHT_GNU_verneed &&
		    header.sh_size <= TABLE_BYTES &&
		    may_read(elf, header.sh_link) &&
		    !visit_versions(elf, section, &header, soname, visit, arg))
			break;
	elf_end(elf);
}

/* --- questions -------------------------------------------------------------- */

/* As the shim tells them apart (preload/boot.c), and their libraries, gcc's and
 * clang's: with these the symbol is undefined in the program. */
static const struct {
	const char *symbol;
	const char *libraries[2];
	const char *name;
} sanitizers[] = {
	{ "__asan_init",
	  { "libasan.so", "libclang_rt.asan" },
	  "AddressSanitizer" },
	{ "__tsan_init",
	  { "libtsan.so", "libclang_rt.tsan" },
	  "ThreadSanitizer" },
	{ "__msan_init", { "libclang_rt.msan", NULL }, "MemorySanitizer" },
	{ "__hwasan_init",
	  { "libhwasan.so", "libclang_rt.hwasan" },
	  "HWAddressSanitizer" },
	{ "__lsan_do_leak_check",
	  { "liblsan.so", "libclang_rt.lsan" },
	  "LeakSanitizer" },
};

#define SANITIZERS (sizeof(sanitizers) / sizeof(sanitizers[0]))

const char *
elf_file_sanitizer_library(const char *path)
{
	const char *base = path_base(path), *library;
	size_t i, j;

	for (i = 0; i < SANITIZERS; i++)
		for (j = 0; j < 2; j++) {
			library = sanitizers[i].libraries[j];
			if (library && !strncmp(base, library, strlen(library)))
				return sanitizers[i].name;
		}
	return NULL;
}

const char *
elf_file_sanitizer(const struct elf_file *file)
{
	enum elf_file_symbol found[SANITIZERS];
	const char *names[SANITIZERS], *name;
	size_t i;

	for (i = 0; i < file->needed_count; i++) {
		name = elf_file_sanitizer_library(file->needed[i]);
		if (name)
			return name;
	}
	for (i = 0; i < SANITIZERS; i++)
		names[i] = sanitizers[i].symbol;
	elf_file_symbols(file, names, SANITIZERS, found);
	/* One that is undefined may be a weak question, which many libraries
	 * ask. */
	for (i = 0; i < SANITIZERS; i++)
		if (found[i] == ELF_FILE_LOCAL || found[i] == ELF_FILE_EXPORTED)
			return sanitizers[i].name;
	return NULL;
}

const char *
elf_file_raises(const struct elf_file *file)
{
	if (!file->may_suid || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return NULL;
	if ((file->mode & S_ISUID) && file->uid != getuid())
		return "set-user-ID";
	if ((file->mode & S_ISGID) && (file->mode & S_IXGRP) &&
	    file->gid != getgid())
		return "set-group-ID";
	/* root has them all, and gains nothing. */
	if (file->has_capabilities && getuid() != 0)
		return "file capabilities";
	return NULL;
}

bool
elf_file_is_glibc_loader(const char *path)
{
	const char *base = path_base(path);

	return !strncmp(base, "ld-linux", 8) || !strncmp(base, "ld64.so", 7);
}

bool
elf_file_is_musl_loader(const char *path)
{
	return !strncmp(path_base(path), "ld-musl-", 8);
}
