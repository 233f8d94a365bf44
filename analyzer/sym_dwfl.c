/*
 * Names from elfutils' libdwfl, one Dwfl per file, never attached to a process.
 * libdwfl finds the symbol table (also in a separate debug file, or compressed
 * in .gnu_debugdata) and the DWARF (there too, with the part that dwz may have
 * moved to a file shared with others); searching them is left to
 * symbol_index.h and dwarf_index.h.
 *
 * Everything here stands on verified identity: see sym_files.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <gelf.h>

#include "debuginfod.h"
#include "dwarf_index.h"
#include "err.h"
#include "model.h"
#include "path.h"
#include "sym_backend.h"
#include "sym_files.h"
#include "sym_live.h"
#include "symbol_index.h"
#include "xalloc.h"

#define DEBUG_PATH_DEFAULT ":.debug:"
#define DEBUG_DIRECTORY "/usr/lib/debug"

struct sym_source {
	struct sym_places places;
	char *sysroot;                 /* NULL = none */
	char *debug_path;              /* NULL = the options' */
	struct debuginfod *debuginfod; /* NULL: not wanted */
	struct strbuf path;            /* scratch of fetch_alt */
	struct strbuf why;             /* why it failed */
};

struct sym_file {
	const char *module_path; /* symbolize.c's */
	/* For find_debuginfo; NULL once it is loaded. */
	const struct sym_places *places;
	const struct module *looking_for;
	char *debug_path; /* libdwfl keeps a pointer to the pointer */
	Dwfl_Callbacks callbacks;
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias; /* libdwfl's address minus ELF vaddr */
	struct symbol_index *symbols;
	struct dwarf_index *index; /* NULL: no DWARF */
	Dwarf_Addr dwarf_bias;     /* libdwfl's address minus DWARF's */
	Dwarf *alt;                /* fetched by us; NULL if not */
	Elf *alt_elf;
	int alt_fd;
};

/* --- starting -------------------------------------------------------------- */

/* libdwfl would ask the network by itself: a report must not depend on it, nor
 * wait for it. */
static const char *
take_urls(void)
{
	static char *urls; /* of the whole process, like the variable */
	const char *value = getenv("DEBUGINFOD_URLS");

	if (value && !urls)
		urls = xstrdup(value);
	unsetenv("DEBUGINFOD_URLS");
	return urls;
}

static void
dwfl_stop(struct sym_source *source)
{
	debuginfod_free(source->debuginfod);
	free(source->sysroot);
	free(source->debug_path);
	strbuf_release(&source->path);
	strbuf_release(&source->why);
	free(source);
}

static char *
joined(const char *first, const char *second, const char *third)
{
	struct strbuf text = { 0 };

	strbuf_adds(&text, first);
	strbuf_adds(&text, second);
	strbuf_adds(&text, third);
	return strbuf_detach(&text);
}

static int
set_places(struct sym_source *source, const struct symbolizer_options *options,
	   struct err *err)
{
	const char *root = "";

	if (options->sysroot) {
		source->sysroot = realpath(options->sysroot, NULL);
		if (!source->sysroot)
			return err_set(err, ERR_OPEN,
				       "cannot use sysroot '%s': %s",
				       options->sysroot, strerror(errno));
		root = source->sysroot;
	}
	source->places.sysroot = source->sysroot;
	source->places.live = options->live;
	source->places.debug_path = options->debug_path;
	if (!options->debug_path) {
		source->debug_path =
			joined(DEBUG_PATH_DEFAULT, root, DEBUG_DIRECTORY);
		source->places.debug_path = source->debug_path;
	}
	return 0;
}

static int
dwfl_start(const struct symbolizer_options *options, struct sym_source **source,
	   struct err *err)
{
	struct debuginfod_options debuginfod = {
		.urls = take_urls(),
		.seconds = options->debuginfod_seconds,
		.progress = options->progress,
		.context = options->progress_context,
	};

	*source = NULL;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(err, ERR_OPEN, "cannot use libelf: %s",
			       elf_errmsg(-1));
	*source = xcalloc(1, sizeof(**source));
	if (set_places(*source, options, err)) {
		dwfl_stop(*source);
		return -1;
	}
	if (options->debuginfod)
		(*source)->debuginfod = debuginfod_new(&debuginfod);
	return 0;
}

/* --- opening --------------------------------------------------------------- */

static void
dwfl_close_file(struct sym_file *file)
{
	symbol_index_free(file->symbols);
	dwarf_index_free(file->index);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	if (file->alt)
		dwarf_end(file->alt);
	elf_end(file->alt_elf);
	if (file->alt_fd >= 0)
		close(file->alt_fd);
	free(file->debug_path);
	free(file);
}

/* libdwfl's own search, and then in the root of who runs it. */
static int
find_debuginfo(Dwfl_Module *dwfl_module, void **data, const char *name,
	       Dwarf_Addr base, const char *path, const char *debuglink,
	       GElf_Word crc, char **found)
{
	const struct sym_file *file = *data;
	int fd = dwfl_standard_find_debuginfo(dwfl_module, data, name, base,
					      path, debuglink, crc, found);

	if (fd < 0 && file && file->looking_for && file->places->live) {
		fd = sym_live_open_debug(file->places->live, file->looking_for);
		if (fd >= 0)
			*found = xstrdup(file->module_path);
	}
	return fd;
}

/* Takes the descriptor in any case. */
static bool
load(struct sym_file *file, const char *path, int fd)
{
	GElf_Addr bias;
	void **data;

	file->dwfl = dwfl_begin(&file->callbacks);
	if (file->dwfl)
		file->module = dwfl_report_offline(file->dwfl, path, path, fd);
	if (!file->module) {
		close(fd);
		return false;
	}
	dwfl_module_info(file->module, &data, NULL, NULL, NULL, NULL, NULL,
			 NULL);
	*data = file;
	if (dwfl_report_end(file->dwfl, NULL, NULL) != 0 ||
	    !dwfl_module_getelf(file->module, &bias))
		return false;
	file->bias = bias;
	file->symbols = symbol_index_new(file->module);
	return true;
}

/* --- what dwz moved to another file ---------------------------------------- */

static bool
has_build_id(Dwarf *dwarf, const void *wanted, size_t wanted_bytes)
{
	const void *build_id;
	ssize_t bytes = dwelf_elf_gnu_build_id(dwarf_getelf(dwarf), &build_id);

	return bytes > 0 && (size_t)bytes == wanted_bytes &&
	       memcmp(build_id, wanted, wanted_bytes) == 0;
}

static Dwarf *
fetch_alt(struct sym_source *source, struct sym_file *file,
	  const void *build_id, size_t bytes)
{
	const struct module alt = {
		.build_id = build_id,
		.build_id_bytes = (uint32_t)bytes,
	};

	strbuf_clear(&source->why);
	if (!source->debuginfod || bytes > DEBUGINFOD_BUILD_ID_MAX)
		return NULL;
	file->alt_fd = debuginfod_fetch(source->debuginfod,
					DEBUGINFOD_DEBUGINFO, build_id, bytes,
					file->module_path, &source->path,
					&source->why);
	if (file->alt_fd < 0 ||
	    sym_files_verify(file->alt_fd, &alt, true, &source->why))
		return NULL;
	file->alt_elf = elf_begin(file->alt_fd, ELF_C_READ_MMAP, NULL);
	file->alt = dwarf_begin_elf(file->alt_elf, DWARF_C_READ, NULL);
	return file->alt;
}

/*
 * Returns false if the DWARF can't be used. Without the other file it can,
 * though names in it are missing; with a wrong one (libdw does not compare
 * build-ids where it falls back on the path) it would give wrong names.
 */
static bool
complete_dwarf(struct sym_source *source, struct sym_file *file, Dwarf *dwarf,
	       struct sym_warnings *warnings)
{
	const void *build_id;
	const char *name;
	ssize_t bytes = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id);
	struct strbuf text = { 0 };
	Dwarf *alt;

	if (bytes <= 0)
		return true;
	alt = dwarf_getalt(dwarf);
	if (alt && has_build_id(alt, build_id, (size_t)bytes))
		return true;
	if (alt) {
		strbuf_addf(&text,
			    "debug information not used: '%s', which it "
			    "refers to, is of another build",
			    name);
	} else if ((alt = fetch_alt(source, file, build_id, (size_t)bytes))) {
		dwarf_setalt(dwarf, alt);
		return true;
	} else {
		strbuf_addf(&text,
			    "some names are missing: its debug information "
			    "refers to '%s', which can't be used",
			    name);
		if (source->why.len > 0)
			strbuf_addf(&text, "; %s", strbuf_text(&source->why));
	}
	sym_warn(warnings, file->module_path, strbuf_text(&text));
	strbuf_release(&text);
	return !alt;
}

static bool
has_debug_info(Elf *elf)
{
	Elf_Scn *section = NULL;
	const char *name;
	GElf_Shdr header;
	size_t names;

	if (!elf || elf_getshdrstrndx(elf, &names) != 0)
		return false;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header) ||
		    header.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(elf, names, header.sh_name);
		if (name && (strcmp(name, ".debug_info") == 0 ||
			     strcmp(name, ".zdebug_info") == 0))
			return true;
	}
	return false;
}

static void
load_dwarf(struct sym_source *source, struct sym_file *file,
	   struct sym_warnings *warnings)
{
	Dwarf *dwarf = dwfl_module_getdwarf(file->module, &file->dwarf_bias);
	GElf_Addr bias;
	Elf *elf = dwarf ? dwarf_getelf(dwarf)
			 : dwfl_module_getelf(file->module, &bias);

	if (dwarf) {
		if (!complete_dwarf(source, file, dwarf, warnings))
			return;
		file->index = dwarf_index_new(dwarf);
		if (!dwarf_index_is_empty(file->index))
			return;
		dwarf_index_free(file->index);
		file->index = NULL;
	}
	/* Damaged, or compressed in a way that this libdw does not know. */
	if (has_debug_info(elf))
		sym_warn(warnings, file->module_path,
			 "debug information not used: libdw can't read it");
}

/* Takes the descriptor. NULL: why is in `why`. */
static struct sym_file *
load_file(struct sym_source *source, const struct module *module,
	  const char *path, int fd, struct strbuf *why,
	  struct sym_warnings *warnings)
{
	struct sym_file *file = xcalloc(1, sizeof(*file));

	file->module_path = module->path;
	file->places = &source->places;
	file->looking_for = module;
	file->alt_fd = -1;
	file->debug_path = xstrdup(source->places.debug_path);
	file->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_debuginfo,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &file->debug_path,
	};
	if (load(file, path, fd)) {
		load_dwarf(source, file, warnings);
		file->looking_for = NULL;
		return file;
	}
	strbuf_clear(why);
	strbuf_addf(why, "unusable: %s", dwfl_errmsg(-1));
	dwfl_close_file(file);
	return NULL;
}

/* --- choosing the file ----------------------------------------------------- */

static struct sym_file *
open_here(struct sym_source *source, const struct module *module,
	  struct strbuf *why, struct sym_warnings *warnings)
{
	struct strbuf path = { 0 };
	struct sym_file *file = NULL;
	int fd = sym_files_open(&source->places, module, &path, why);

	if (fd < 0) {
		strbuf_clear(&path);
		fd = sym_files_open_debug(&source->places, module, &path);
		if (fd >= 0)
			strbuf_clear(why);
	}
	if (fd >= 0)
		file = load_file(source, module, strbuf_text(&path), fd, why,
				 warnings);
	strbuf_release(&path);
	return file;
}

/* NULL: why is in `why`; errno as of debuginfod_fetch. */
static struct sym_file *
fetch_file(struct sym_source *source, enum debuginfod_kind kind,
	   const struct module *module, struct strbuf *why,
	   struct sym_warnings *warnings)
{
	struct strbuf path = { 0 }, mismatch = { 0 };
	struct sym_file *file = NULL;
	int fd = debuginfod_fetch(source->debuginfod, kind, module->build_id,
				  module->build_id_bytes,
				  path_base(module->path), &path, why);
	int error = errno;

	if (fd >= 0 && sym_files_verify(fd, module, true, &mismatch)) {
		strbuf_addf(why, "debuginfod: what a server sent is %s",
			    strbuf_text(&mismatch));
		close(fd);
	} else if (fd >= 0) {
		file = load_file(source, module, strbuf_text(&path), fd, why,
				 warnings);
	}
	strbuf_release(&path);
	strbuf_release(&mismatch);
	errno = error;
	return file;
}

/* Takes `file`, what is here, which may be NULL, and returns that or what is
 * better. */
static struct sym_file *
ask_servers(struct sym_source *source, const struct module *module,
	    struct sym_file *file, struct strbuf *why,
	    struct sym_warnings *warnings)
{
	struct strbuf reason = { 0 };
	struct sym_file *fetched = fetch_file(source, DEBUGINFOD_DEBUGINFO,
					      module, &reason, warnings);

	/* A symbol table is better than nothing. Who does not answer is not
	 * asked twice. */
	if (!fetched && !file && errno == ENOENT) {
		strbuf_clear(&reason);
		fetched = fetch_file(source, DEBUGINFOD_EXECUTABLE, module,
				     &reason, warnings);
	}
	if (fetched && (!file || fetched->index)) {
		if (file)
			dwfl_close_file(file);
		file = fetched;
		strbuf_clear(why);
	} else {
		if (fetched)
			dwfl_close_file(fetched);
		if (reason.len > 0 && why->len > 0)
			strbuf_adds(why, "; ");
		strbuf_adds(why, strbuf_text(&reason));
	}
	strbuf_release(&reason);
	return file;
}

static struct sym_file *
dwfl_open_file(struct sym_source *source, const struct module *module,
	       struct sym_warnings *warnings)
{
	struct strbuf why = { 0 };
	struct sym_file *file = NULL;
	int fd;

	if (module->path[0] == '/') {
		file = open_here(source, module, &why, warnings);
		if (source->debuginfod && (!file || !file->index))
			file = ask_servers(source, module, file, &why,
					   warnings);
		if (why.len > 0)
			sym_warn(warnings, module->path, strbuf_text(&why));
	} else if (strcmp(module->path, "[vdso]") == 0) {
		/* Without it nothing is lost that one could do anything
		 * about, so nothing is said. */
		fd = sym_files_open_vdso(module);
		if (fd >= 0)
			file = load_file(source, module, module->path, fd, &why,
					 warnings);
	}
	strbuf_release(&why);
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
	.stop = dwfl_stop,
	.open = dwfl_open_file,
	.find = dwfl_find,
	.close = dwfl_close_file,
};
