#include "vtables.h"

#include <gelf.h>
#include <libelf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demangle.h"
#include "ranges.h"
#include "sym_files.h"
#include "symbolize.h"
#include "xalloc.h"

#define DEBUG_PATH_DEFAULT ":.debug:"
#define DEBUG_DIRECTORY "/usr/lib/debug"

/* What a vtable begins with: the offset to the top and the type's data. */
#define HEAD_BYTES 16

/* "vtable for " in the Itanium ABI. */
static const char mangled_prefix[] = "_ZTV";
static const char demangled_prefix[] = "vtable for ";

struct type {
	char *linkage_name; /* owned */
	char *name;         /* owned; NULL: not asked for yet */
};

struct vtables {
	struct sym_places places;
	char *sysroot;    /* owned; NULL = none */
	char *debug_path; /* owned */
	struct type *types;
	size_t count;
	size_t capacity;
	struct ranges ranges; /* items are types */
};

static void
add_symbol(struct vtables *vtables, const char *name, const GElf_Sym *symbol,
	   uint64_t bias)
{
	uint64_t low = symbol->st_value + bias;

	if (strncmp(name, mangled_prefix, sizeof(mangled_prefix) - 1) != 0 ||
	    symbol->st_shndx == SHN_UNDEF || symbol->st_size <= HEAD_BYTES ||
	    low + symbol->st_size < low)
		return;
	vtables->types = xgrow(vtables->types, &vtables->capacity,
			       vtables->count + 1, sizeof(*vtables->types));
	vtables->types[vtables->count] = (struct type){
		.linkage_name = xstrdup(name),
	};
	ranges_add(&vtables->ranges, low + HEAD_BYTES, low + symbol->st_size,
		   vtables->count++);
}

static void
add_table(struct vtables *vtables, Elf *elf, Elf_Scn *section,
	  const GElf_Shdr *header, uint64_t bias)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count = header->sh_entsize ? header->sh_size / header->sh_entsize
					  : 0;
	const char *name;
	GElf_Sym symbol;
	size_t i;

	if (!data || count > INT32_MAX)
		return;
	for (i = 0; i < count; i++) {
		if (!gelf_getsym(data, (int)i, &symbol))
			return;
		if (GELF_ST_TYPE(symbol.st_info) != STT_OBJECT)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name)
			add_symbol(vtables, name, &symbol, bias);
	}
}

/* Takes the descriptor. True: it has the whole symbol table. */
static bool
add_file(struct vtables *vtables, int fd, uint64_t bias)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	bool whole = false;

	while (elf && (section = elf_nextscn(elf, section))) {
		/* A debug file's sections may be without contents. */
		if (!gelf_getshdr(section, &header) ||
		    (header.sh_type != SHT_SYMTAB &&
		     header.sh_type != SHT_DYNSYM))
			continue;
		whole |= header.sh_type == SHT_SYMTAB;
		add_table(vtables, elf, section, &header, bias);
	}
	elf_end(elf);
	close(fd);
	return whole;
}

static void
add_module(struct vtables *vtables, const struct module *module)
{
	struct strbuf path = { 0 }, why = { 0 };
	bool whole = false;
	uint64_t bias;
	int fd;

	if (module->unloaded || module->segment_count == 0 ||
	    module->path[0] != '/')
		return;
	bias = module->segments[0].start - module->segments[0].vaddr;
	fd = sym_files_open(&vtables->places, module, &path, &why);
	if (fd >= 0)
		whole = add_file(vtables, fd, bias);
	if (!whole) {
		strbuf_clear(&path);
		fd = sym_files_open_debug(&vtables->places, module, &path);
		if (fd >= 0)
			add_file(vtables, fd, bias);
	}
	strbuf_release(&path);
	strbuf_release(&why);
}

static void
set_places(struct vtables *vtables, const struct symbolizer_options *options)
{
	struct strbuf path = { 0 };

	/* The symbolizer has said so already if there is no such place. */
	if (options->sysroot)
		vtables->sysroot = realpath(options->sysroot, NULL);
	strbuf_adds(&path, DEBUG_PATH_DEFAULT);
	strbuf_adds(&path, vtables->sysroot ? vtables->sysroot : "");
	strbuf_adds(&path, DEBUG_DIRECTORY);
	vtables->debug_path = strbuf_detach(&path);
	vtables->places.sysroot = vtables->sysroot;
	vtables->places.live = options->live;
	vtables->places.debug_path = options->debug_path ? options->debug_path
							 : vtables->debug_path;
}

struct vtables *
vtables_new(const struct model *model, const struct symbolizer_options *options)
{
	struct vtables *vtables = xcalloc(1, sizeof(*vtables));
	uint32_t i;

	if (!options->use_symbols || elf_version(EV_CURRENT) == EV_NONE)
		return vtables;
	set_places(vtables, options);
	for (i = 1; i <= model->module_count; i++)
		add_module(vtables, &model->modules[i]);
	ranges_sort(&vtables->ranges);
	return vtables;
}

void
vtables_free(struct vtables *vtables)
{
	size_t i;

	if (!vtables)
		return;
	for (i = 0; i < vtables->count; i++) {
		free(vtables->types[i].linkage_name);
		free(vtables->types[i].name);
	}
	free(vtables->types);
	ranges_release(&vtables->ranges);
	free(vtables->sysroot);
	free(vtables->debug_path);
	free(vtables);
}

const char *
vtables_find(struct vtables *vtables, uint64_t word)
{
	size_t found = word % 8 ? RANGES_NONE
				: ranges_find(&vtables->ranges, word);
	struct type *type;
	const char *name;
	char *whole;

	if (found == RANGES_NONE)
		return NULL;
	type = &vtables->types[found];
	if (!type->name) {
		whole = demangle(type->linkage_name);
		name = whole;
		if (strncmp(name, demangled_prefix,
			    sizeof(demangled_prefix) - 1) == 0)
			name += sizeof(demangled_prefix) - 1;
		type->name = xstrdup(name);
		free(whole);
	}
	return type->name;
}
