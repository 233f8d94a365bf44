#include "symbol_index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ranges.h"
#include "xalloc.h"

struct entry {
	const char *name;
	GElf_Addr low;
	GElf_Addr high;
	unsigned char binding;
};

struct symbol_index {
	struct entry *entries; /* of one place: the best name last */
	size_t count;
	size_t capacity;
	struct ranges ranges; /* items are entries */
};

static bool
is_code(const GElf_Sym *sym, GElf_Word section)
{
	unsigned char type = GELF_ST_TYPE(sym->st_info);

	return section != SHN_UNDEF && sym->st_size > 0 &&
	       (type == STT_FUNC || type == STT_GNU_IFUNC ||
		type == STT_NOTYPE);
}

static int
binding_rank(unsigned char binding)
{
	return binding == STB_GLOBAL ? 2 : binding == STB_WEAK ? 1 : 0;
}

/* By place; at one place the better name is greater. */
static int
compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	size_t x, y;

	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->binding != b->binding)
		return binding_rank(a->binding) - binding_rank(b->binding);
	x = strspn(a->name, "_");
	y = strspn(b->name, "_");
	if (x == y) {
		x = strlen(a->name);
		y = strlen(b->name);
	}
	if (x != y)
		return x > y ? -1 : 1;
	return -strcmp(a->name, b->name);
}

struct symbol_index *
symbol_index_new(Dwfl_Module *module)
{
	struct symbol_index *index = xcalloc(1, sizeof(*index));
	int count = dwfl_module_getsymtab(module);
	struct entry *entry;
	const char *name;
	GElf_Word section;
	GElf_Addr address;
	GElf_Sym sym;
	size_t k;
	int i;

	/* Symbol 0 is none; a count of -1 means no table. */
	for (i = 1; i < count; i++) {
		name = dwfl_module_getsym_info(module, i, &sym, &address,
					       &section, NULL, NULL);
		if (!name || !*name || !is_code(&sym, section) ||
		    address + sym.st_size < address)
			continue;
		index->entries = xgrow(index->entries, &index->capacity,
				       index->count + 1,
				       sizeof(*index->entries));
		entry = &index->entries[index->count++];
		entry->name = name;
		entry->low = address;
		entry->high = address + sym.st_size;
		entry->binding = GELF_ST_BIND(sym.st_info);
	}
	if (index->count > 0)
		qsort(index->entries, index->count, sizeof(*index->entries),
		      compare_entries);
	for (k = 0; k < index->count; k++)
		ranges_add(&index->ranges, index->entries[k].low,
			   index->entries[k].high, k);
	ranges_sort(&index->ranges);
	return index;
}

void
symbol_index_free(struct symbol_index *index)
{
	if (!index)
		return;
	free(index->entries);
	ranges_release(&index->ranges);
	free(index);
}

const char *
symbol_index_find(const struct symbol_index *index, GElf_Addr address)
{
	size_t found = ranges_find(&index->ranges, address);

	return found == RANGES_NONE ? NULL : index->entries[found].name;
}
