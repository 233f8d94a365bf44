/*
 * Names by elfutils: one Dwfl per file, never attached to a process. libdwfl
 * finds the symbol table (also in a separate debug file, or compressed in
 * .gnu_debugdata) and the DWARF; searching them is left to symbol_index.h and
 * dwarf_index.h.
 *
 * Everything here stands on verified identity: see check_identity().
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include "dwarf_index.h"
#include "err.h"
#include "model.h"
#include "strbuf.h"
#include "sym_backend.h"
#include "symbol_index.h"
#include "xalloc.h"

#define DEBUG_PATH_DEFAULT ":.debug:/usr/lib/debug"

struct sym_file {
	char *debug_path; /* libdwfl keeps a pointer to the pointer */
	Dwfl_Callbacks callbacks;
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias; /* libdwfl's address minus ELF vaddr */
	struct symbol_index *symbols;
	struct dwarf_index *index; /* NULL: no DWARF */
	Dwarf_Addr dwarf_bias;     /* libdwfl's address minus DWARF's */
};

static int
dwfl_start(struct err *err)
{
	/* libdwfl would ask the network: a report must not depend on it, nor
	 * wait for it. */
	unsetenv("DEBUGINFOD_URLS");
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, ERR_OPEN, "cannot use libelf: %s",
			       elf_errmsg(-1));
	return 0;
}

/* --- is it the file that ran? ---------------------------------------------- */

static void
add_hex(struct strbuf *buf, const uint8_t *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		strbuf_addf(buf, "%02x", bytes[i]);
}

/* Is `segment` a part of an executable PT_LOAD of the file, at the same place
 * in the file? (A separate debug file has places of its own.) */
static bool
has_segment(Elf *elf, const struct segment *segment, bool debug_file)
{
	GElf_Phdr phdr;
	size_t count, i;

	if (elf_getphdrnum(elf, &count) != 0)
		return false;
	for (i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &phdr))
			return false;
		if (phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_X))
			continue;
		/* Whole pages are mapped, so it may begin before p_vaddr. */
		if (segment->vaddr < (phdr.p_vaddr & ~UINT64_C(0xffff)) ||
		    segment->vaddr >= phdr.p_vaddr + phdr.p_memsz)
			continue;
		if (debug_file || segment->vaddr - segment->file_offset ==
					  phdr.p_vaddr - phdr.p_offset)
			return true;
	}
	return false;
}

/*
 * The build-id decides. Files without one are compared by the layout of their
 * code only, so the user is told. Returns 0, or -1 and says why in `warning`.
 */
static int
check_identity(Elf *elf, const struct module *module, bool debug_file,
	       struct strbuf *warning)
{
	const void *build_id = NULL;
	ssize_t bytes = dwelf_elf_gnu_build_id(elf, &build_id);
	uint32_t i;

	if (bytes < 0)
		bytes = 0;
	if ((size_t)bytes != module->build_id_bytes ||
	    (bytes > 0 &&
	     memcmp(build_id, module->build_id, (size_t)bytes) != 0)) {
		strbuf_adds(warning, "not the file that ran (build-id ");
		if (bytes > 0)
			add_hex(warning, build_id, (size_t)bytes);
		else
			strbuf_adds(warning, "missing");
		strbuf_adds(warning, ", not ");
		if (module->build_id_bytes > 0)
			add_hex(warning, module->build_id,
				module->build_id_bytes);
		else
			strbuf_adds(warning, "none");
		strbuf_addc(warning, ')');
		return -1;
	}
	for (i = 0; i < module->segment_count; i++) {
		if (!has_segment(elf, &module->segments[i], debug_file)) {
			strbuf_adds(warning, "not the file that ran (its code "
					     "is laid out differently)");
			return -1;
		}
	}
	if (bytes == 0)
		strbuf_adds(warning, "has no build-id: its names are of the "
				     "file that is there now");
	return 0;
}

/* Opens a path and verifies it. Returns a descriptor, or -1 and the reason. */
static int
open_verified(const char *path, const struct module *module, bool debug_file,
	      struct strbuf *warning)
{
	struct stat status;
	Elf *elf;
	int result;
	/* Not to hang on a FIFO that a snapshot names. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		strbuf_adds(warning, strerror(errno));
		return -1;
	}
	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		strbuf_adds(warning, "not a regular file");
		close(fd);
		return -1;
	}
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF) {
		strbuf_adds(warning, "not an ELF file");
		result = -1;
	} else {
		result = check_identity(elf, module, debug_file, warning);
	}
	elf_end(elf);
	if (result) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * A file that is gone may have left its debug file: by its build-id in one of
 * the directories of `debug_path`. It has the same addresses. Its path is
 * left in `found`.
 */
static int
open_debug_file(const char *debug_path, const struct module *module,
		struct strbuf *found)
{
	struct strbuf ignored = { 0 };
	const char *part = debug_path;
	size_t len;
	int fd = -1;

	if (module->build_id_bytes < 2)
		return -1;
	while (fd < 0 && *part) {
		len = strcspn(part, ":");
		strbuf_clear(found);
		if (part[0] == '/') {
			strbuf_add(found, part, len);
			strbuf_adds(found, "/.build-id/");
			add_hex(found, module->build_id, 1);
			strbuf_addc(found, '/');
			add_hex(found, module->build_id + 1,
				module->build_id_bytes - 1);
			strbuf_adds(found, ".debug");
			fd = open_verified(strbuf_text(found), module, true,
					   &ignored);
		}
		part += len;
		part += *part == ':';
	}
	strbuf_release(&ignored);
	return fd;
}

/* --- opening --------------------------------------------------------------- */

static void
dwfl_close_file(struct sym_file *file)
{
	symbol_index_free(file->symbols);
	dwarf_index_free(file->index);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	free(file->debug_path);
	free(file);
}

/* Takes the descriptor in any case. */
static bool
load(struct sym_file *file, const char *path, int fd)
{
	GElf_Addr bias;
	Dwarf *dwarf;

	file->dwfl = dwfl_begin(&file->callbacks);
	if (file->dwfl)
		file->module = dwfl_report_offline(file->dwfl, path, path, fd);
	if (!file->module) {
		close(fd);
		return false;
	}
	if (dwfl_report_end(file->dwfl, NULL, NULL) != 0 ||
	    !dwfl_module_getelf(file->module, &bias))
		return false;
	file->bias = bias;
	file->symbols = symbol_index_new(file->module);
	dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
	if (dwarf)
		file->index = dwarf_index_new(dwarf);
	return true;
}

static struct sym_file *
load_file(const char *path, const char *debug_path, int fd,
	  struct strbuf *warning)
{
	struct sym_file *file = xcalloc(1, sizeof(*file));

	file->debug_path = xstrdup(debug_path);
	file->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &file->debug_path,
	};
	if (load(file, path, fd))
		return file;
	strbuf_clear(warning);
	strbuf_addf(warning, "unusable: %s", dwfl_errmsg(-1));
	dwfl_close_file(file);
	return NULL;
}

static struct sym_file *
dwfl_open_file(const struct symbolizer_options *options,
	       const struct module *module, struct strbuf *warning)
{
	const char *debug_path = options->debug_path ? options->debug_path
						     : DEBUG_PATH_DEFAULT;
	struct strbuf reason = { 0 }, found = { 0 };
	struct sym_file *file = NULL;
	int fd;

	/* "", "[vdso]": code that is in no file. */
	if (module->path[0] != '/')
		return NULL;
	fd = open_verified(module->path, module, false, &reason);
	if (fd >= 0) {
		file = load_file(module->path, debug_path, fd, &reason);
	} else {
		fd = open_debug_file(debug_path, module, &found);
		if (fd >= 0) {
			strbuf_clear(&reason);
			file = load_file(strbuf_text(&found), debug_path, fd,
					 &reason);
		}
	}
	if (reason.len > 0) {
		strbuf_addc(warning, '\'');
		strbuf_add_printable(warning, module->path);
		strbuf_addf(warning, "': %s", strbuf_text(&reason));
	}
	strbuf_release(&reason);
	strbuf_release(&found);
	return file;
}

/* --- finding --------------------------------------------------------------- */

static void
dwfl_find(struct sym_file *file, uint64_t vaddr, struct sym_chain *chain)
{
	GElf_Addr address = vaddr + file->bias;
	const char *symbol = symbol_index_find(file->symbols, address);
	struct dwarf_line line = { 0 };

	if (file->index &&
	    dwarf_index_find(file->index, address - file->dwarf_bias, symbol,
			     chain, &line))
		return;
	if (symbol)
		sym_chain_add(chain, symbol, line.file, line.line);
}

const struct sym_backend sym_dwfl = {
	.start = dwfl_start,
	.open = dwfl_open_file,
	.find = dwfl_find,
	.close = dwfl_close_file,
};
