/*
 * Three tables, all keyed by what a thing is, so that each is worked out once:
 * files by (build-id, path), places by (file, offset), names by linkage name.
 */
#include "symbolize.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "demangle.h"
#include "hashtab.h"
#include "model.h"
#include "path.h"
#include "sym_backend.h"
#include "sym_live.h"
#include "xalloc.h"

struct file {
	struct module module; /* as first met; its texts are the next two */
	char *path;
	uint8_t *build_id;       /* NULL if there is none */
	const char *base;        /* points into path */
	struct sym_file *opened; /* NULL: gives no names */
	/* Where names come from: itself, or a file of the same build-id that
	 * was met before under another path and could be opened. */
	struct file *source;
	struct file *next;
};

/* A place and what is there. */
struct place {
	struct symbols symbols;  /* first: it is what callers hold */
	const struct file *file; /* NULL: in no file */
	uint64_t offset;         /* in the file, or the address if in none */
	struct symbol entries[];
};

/* A function's names; or, without `function`, just a text. */
struct name {
	char *function;
	const char *bare; /* another name's text; NULL: not asked for yet */
	char linkage_name[];
};

/* More than most processes have modules. */
#define RECENT_FILES 256

struct symbolizer {
	struct symbolizer_options options;
	const struct sym_backend *backend;
	struct sym_source *source; /* the backend's */
	struct hashtab files;
	struct hashtab by_build_id; /* of files too */
	struct hashtab places;
	struct hashtab names;
	struct file *all_files; /* newest first */
	/* By where a module lay when it was met; that may be another module's
	 * place by now, so what is found is compared. */
	struct file *recent[RECENT_FILES];
	struct sym_warnings warnings;
	struct sym_chain chain; /* scratch of one lookup */
	struct strbuf text;     /* scratch */
};

void
sym_chain_add(struct sym_chain *chain, const char *linkage_name,
	      const char *file, uint32_t line)
{
	chain->found = xgrow(chain->found, &chain->capacity, chain->count + 1,
			     sizeof(*chain->found));
	chain->found[chain->count++] = (struct sym_found){
		.linkage_name = linkage_name,
		.file = file,
		.line = line,
	};
}

void
sym_warn(struct sym_warnings *warnings, const char *path, const char *reason)
{
	struct strbuf line = { 0 };

	strbuf_add_quoted(&line, path);
	strbuf_adds(&line, ": ");
	strbuf_add_printable(&line, reason);
	warnings->lines = xgrow(warnings->lines, &warnings->capacity,
				warnings->count + 1, sizeof(*warnings->lines));
	warnings->lines[warnings->count++] = strbuf_detach(&line);
}

struct symbolizer *
symbolizer_open(const struct symbolizer_options *options, struct err *err)
{
	const struct sym_backend *backend = options->use_symbols ? &sym_dwfl
								 : &sym_none;
	struct symbolizer *symbolizer = xcalloc(1, sizeof(*symbolizer));

	symbolizer->options = *options;
	symbolizer->backend = backend;
	symbolizer->options.live = options->use_symbols && !options->sysroot
					   ? sym_live_new()
					   : NULL;
	if (backend->start(&symbolizer->options, &symbolizer->source, err)) {
		sym_live_free(symbolizer->options.live);
		free(symbolizer);
		return NULL;
	}
	return symbolizer;
}

void
symbolizer_meet(struct symbolizer *symbolizer, const struct header *header)
{
	if (symbolizer->options.live)
		sym_live_add(symbolizer->options.live, header);
}

/* --- names ----------------------------------------------------------------- */

static bool
name_equal(const void *entry, const void *key)
{
	return strcmp(((const struct name *)entry)->linkage_name, key) == 0;
}

static struct name *
intern(struct symbolizer *symbolizer, const char *text)
{
	size_t bytes = strlen(text) + 1;
	uint64_t hash = hash_bytes(HASH_START, text, bytes);
	void **place =
		hashtab_place(&symbolizer->names, hash, text, name_equal);
	struct name *name = *place;

	if (!name) {
		name = xmalloc(xadd(sizeof(*name), bytes));
		name->function = NULL;
		name->bare = NULL;
		memcpy(name->linkage_name, text, bytes);
		*place = name;
	}
	return name;
}

static void
fill_symbol(struct symbolizer *symbolizer, struct symbol *symbol,
	    const struct sym_found *found)
{
	struct name *name = intern(symbolizer, found->linkage_name);

	if (!name->function)
		name->function = demangle(found->linkage_name);
	symbol->function = name->function;
	symbol->linkage_name = name->linkage_name;
	symbol->line = found->line;
	symbol->file = NULL;
	if (found->file)
		symbol->file = intern(symbolizer, found->file)->linkage_name;
}

/* --- files ----------------------------------------------------------------- */

static bool
same_build_id(const struct module *a, const struct module *b)
{
	return a->build_id_bytes == b->build_id_bytes &&
	       (a->build_id_bytes == 0 ||
		memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0);
}

static bool
file_equal(const void *entry, const void *key)
{
	const struct file *file = entry;
	const struct module *module = key;

	return strcmp(file->module.path, module->path) == 0 &&
	       same_build_id(&file->module, module);
}

static bool
build_id_equal(const void *entry, const void *key)
{
	return same_build_id(&((const struct file *)entry)->module, key);
}

/* The first file of this build-id that could be opened, else the first of all;
 * one must be put there if there is none. NULL: it has no build-id. */
static void **
place_of_build_id(struct symbolizer *symbolizer, const struct module *module)
{
	if (module->build_id_bytes == 0)
		return NULL;
	return hashtab_place(&symbolizer->by_build_id,
			     hash_bytes(HASH_START, module->build_id,
					module->build_id_bytes),
			     module, build_id_equal);
}

static struct file *
file_new(struct symbolizer *symbolizer, const struct module *module)
{
	void **same = place_of_build_id(symbolizer, module);
	struct file *other = same ? *same : NULL;
	bool is_opened = other && other->opened;
	struct file *file = xcalloc(1, sizeof(*file));

	file->path = xstrdup(module->path);
	if (module->build_id_bytes > 0) {
		file->build_id = xmalloc(module->build_id_bytes);
		memcpy(file->build_id, module->build_id,
		       module->build_id_bytes);
	}
	file->module = *module;
	file->module.path = file->path;
	file->module.build_id = file->build_id;
	file->base = path_base(file->path);
	file->source = is_opened ? other : file;
	if (!is_opened) {
		file->opened = symbolizer->backend->open(symbolizer->source,
							 &file->module,
							 &symbolizer->warnings);
		if (same && (!other || file->opened))
			*same = file;
	}
	file->next = symbolizer->all_files;
	symbolizer->all_files = file;
	return file;
}

/* Where names of `module` come from. */
static struct file *
file_of(struct symbolizer *symbolizer, const struct module *module)
{
	struct file **recent =
		&symbolizer->recent[(uintptr_t)module / sizeof(*module) %
				    RECENT_FILES];
	uint64_t hash;
	void **place;

	if (*recent && file_equal(*recent, module))
		return (*recent)->source;
	hash = hash_bytes(HASH_START, module->path, strlen(module->path));
	hash = hash_bytes(hash, module->build_id, module->build_id_bytes);
	place = hashtab_place(&symbolizer->files, hash, module, file_equal);
	if (!*place)
		*place = file_new(symbolizer, module);
	*recent = *place;
	return (*recent)->source;
}

/* --- places ---------------------------------------------------------------- */

/* The ELF vaddr of a run-time address. */
static bool
to_vaddr(const struct module *module, uint64_t address, uint64_t *vaddr)
{
	const struct segment *segment;
	uint32_t i;

	for (i = 0; i < module->segment_count; i++) {
		segment = &module->segments[i];
		if (address >= segment->start && address < segment->end) {
			*vaddr = address - segment->start + segment->vaddr;
			return true;
		}
	}
	return false;
}

static bool
place_equal(const void *entry, const void *key)
{
	const struct place *a = entry, *b = key;

	return a->file == b->file && a->offset == b->offset;
}

static void
fill_fallback(struct symbolizer *symbolizer, struct symbol *symbol,
	      const struct file *file, uint64_t offset)
{
	struct strbuf *text = &symbolizer->text;
	struct name *name;

	strbuf_clear(text);
	if (file)
		strbuf_addf(text, "%s+", file->base);
	strbuf_addf(text, "0x%" PRIx64, offset);
	name = intern(symbolizer, strbuf_text(text));
	/* As it is: a file's name may well look mangled. */
	*symbol = (struct symbol){
		.function = name->linkage_name,
		.linkage_name = name->linkage_name,
	};
	strbuf_clear(text);
}

static struct place *
place_new(struct symbolizer *symbolizer, struct file *file, uint64_t offset)
{
	struct sym_chain *chain = &symbolizer->chain;
	const struct sym_found *found;
	struct place *place;
	size_t count, i;

	chain->count = 0;
	if (file && file->opened)
		symbolizer->backend->find(file->opened, offset, chain);
	found = chain->found;
	count = chain->count;
	if (count > 1 && !symbolizer->options.inlines) {
		found += count - 1;
		count = 1;
	}
	place = xmalloc(xadd(sizeof(*place),
			     xmul(count + 1, sizeof(place->entries[0]))));
	place->file = file;
	place->offset = offset;
	for (i = 0; i < count; i++)
		fill_symbol(symbolizer, &place->entries[i], &found[i]);
	if (count == 0)
		fill_fallback(symbolizer, &place->entries[0], file, offset);
	place->symbols.count = count ? count : 1;
	place->symbols.named = count > 0;
	place->symbols.entries = place->entries;
	return place;
}

const struct symbols *
symbolizer_lookup(struct symbolizer *symbolizer, const struct module *module,
		  uint64_t address)
{
	struct place key = { .offset = address - 1 };
	struct file *file = NULL;
	uint64_t vaddr;
	void **place;

	if (module && to_vaddr(module, address - 1, &vaddr)) {
		file = file_of(symbolizer, module);
		key.offset = vaddr;
	}
	key.file = file;
	place = hashtab_place(&symbolizer->places,
			      hash_u64((uintptr_t)file, key.offset), &key,
			      place_equal);
	if (!*place)
		*place = place_new(symbolizer, file, key.offset);
	return &((struct place *)*place)->symbols;
}

const char *
symbolizer_bare_name(struct symbolizer *symbolizer,
		     const struct symbols *symbols)
{
	struct name *name;
	char *bare;

	if (!symbols->named)
		return NULL;
	name = intern(symbolizer,
		      symbols->entries[symbols->count - 1].linkage_name);
	if (!name->bare) {
		bare = demangle_bare(name->linkage_name);
		name->bare = intern(symbolizer, bare)->linkage_name;
		free(bare);
	}
	return name->bare;
}

/* --- the rest -------------------------------------------------------------- */

const struct symbolizer_options *
symbolizer_options(const struct symbolizer *symbolizer)
{
	return &symbolizer->options;
}

const char *
symbolizer_warning(const struct symbolizer *symbolizer, size_t index)
{
	const struct sym_warnings *warnings = &symbolizer->warnings;

	return index < warnings->count ? warnings->lines[index] : NULL;
}

void
symbolizer_check_places(const struct symbolizer *symbolizer,
			struct strbuf *warnings)
{
	const char *part = symbolizer->options.debug_path;
	struct strbuf path = { 0 };

	if (!symbolizer->options.use_symbols)
		part = NULL;
	while (part && *part) {
		size_t len = strcspn(part, ":");
		struct stat st;
		const char *name;

		strbuf_clear(&path);
		strbuf_add(&path, part, len);
		/* elfutils' marks, whether checksums count. */
		name = strbuf_text(&path);
		name += strspn(name, "+-");
		/* The others are beside each file. */
		if (*name == '/' &&
		    (stat(name, &st) < 0 || !S_ISDIR(st.st_mode))) {
			strbuf_add_quoted(warnings, name);
			strbuf_adds(warnings, ": no such directory for debug "
					      "files\n");
		}
		part += len + (part[len] == ':');
	}
	strbuf_release(&path);
}

static void
file_free(struct symbolizer *symbolizer, struct file *file)
{
	if (file->opened)
		symbolizer->backend->close(file->opened);
	free(file->path);
	free(file->build_id);
	free(file);
}

void
symbolizer_close(struct symbolizer *symbolizer)
{
	struct file *file;
	struct name *name;
	size_t i;

	if (!symbolizer)
		return;
	while ((file = symbolizer->all_files)) {
		symbolizer->all_files = file->next;
		file_free(symbolizer, file);
	}
	for (i = 0; i < symbolizer->places.capacity; i++)
		free(symbolizer->places.slots[i].entry);
	for (i = 0; i < symbolizer->names.capacity; i++) {
		name = symbolizer->names.slots[i].entry;
		if (name)
			free(name->function);
		free(name);
	}
	if (symbolizer->backend->stop)
		symbolizer->backend->stop(symbolizer->source);
	sym_live_free(symbolizer->options.live);
	for (i = 0; i < symbolizer->warnings.count; i++)
		free(symbolizer->warnings.lines[i]);
	free(symbolizer->warnings.lines);
	hashtab_release(&symbolizer->files);
	hashtab_release(&symbolizer->by_build_id);
	hashtab_release(&symbolizer->places);
	hashtab_release(&symbolizer->names);
	free(symbolizer->chain.found);
	strbuf_release(&symbolizer->text);
	free(symbolizer);
}
