#include "site_id.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

/* The NUL is hashed too, or "ab" "c" would be "a" "bc". */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	do {
		hash ^= (unsigned char)*text;
		hash *= FNV_PRIME;
	} while (*text++);
	return hash;
}

/* The number of a compiler-made clone changes from build to build. */
static uint64_t
hash_linkage_name(uint64_t hash, const char *name)
{
	char *bare;

	if (!name[strcspn(name, ".@")] && strncmp(name, "__GI_", 5) != 0)
		return hash_text(hash, name);
	bare = demangle_bare(name);
	hash = hash_text(hash, bare);
	free(bare);
	return hash;
}

static const char *
stem_of(const struct atlas *atlas, const struct module *module)
{
	const struct module *first = atlas_model(atlas)->modules;
	struct module_id id = { (uint32_t)(module - first) };

	return atlas_stem_name(atlas, atlas_stem(atlas, id));
}

/* Without a name: "+0xOFFSET" in the file. Code in no file is somewhere else
 * in each process: all of it is one place. */
static const char *
nameless_place(const struct stack_frame *frame)
{
	const char *plus = strrchr(frame->symbol->function, '+');

	return *frame->module->path && plus ? plus : "?";
}

uint64_t
site_id_of_stack(const struct atlas *atlas, const struct stack *stack)
{
	uint64_t hash = FNV_START;
	size_t i;

	for (i = 0; i < stack->count; i++) {
		const struct stack_frame *frame = &stack->frames[i];

		hash = hash_text(hash, stem_of(atlas, frame->module));
		hash = frame->named
			       ? hash_linkage_name(hash,
						   frame->symbol->linkage_name)
			       : hash_text(hash, nameless_place(frame));
	}
	return hash;
}

uint64_t
site_id_of_row(const struct atlas *atlas, struct resolver *resolver,
	       const struct row *row, struct stack *scratch)
{
	const struct stack_frame *blamed;
	uint64_t hash;

	stack_resolve(scratch, resolver, row);
	if (!row->label)
		return site_id_of_stack(atlas, scratch);
	blamed = &scratch->frames[scratch->blamed];
	/* Functions of one name in two files are two classes. */
	hash = hash_text(FNV_START, row->label);
	if (strcmp(row->label, blamed->symbol->function) == 0)
		hash = hash_text(hash, stem_of(atlas, blamed->module));
	return hash;
}

void
site_id_format(char text[SITE_ID_BYTES], uint64_t id)
{
	snprintf(text, SITE_ID_BYTES, "%016" PRIx64, id);
}
