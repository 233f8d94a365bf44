/*
 * A DIE does not know what it is in. But children stand right behind their
 * parent in the file, so a scope is a range of offsets, and the scopes of a
 * DIE are the ranges that have its offset. They are collected once per unit.
 */
#include "dwarf_names.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "dwarf_walk.h"
#include "hashtab.h"
#include "ranges.h"
#include "strbuf.h"
#include "xalloc.h"

/* From an inlined function to where it was declared: its abstract form, the
 * definition, the declaration in the class, each perhaps once more. */
#define REFERENCES_MAX 16

struct scope {
	Dwarf_Off offset;
	const char *name; /* the Dwarf's, or a constant */
};

struct unit {
	const void *address; /* of the unit's DIE: its identity */
	struct scope *scopes;
	size_t count;
	size_t capacity;
	struct ranges ranges; /* of offsets; items are scopes */
};

struct name {
	const void *address; /* of the declaration's DIE: its identity */
	char *text;          /* NULL = it has none */
	bool scoped;         /* it says what it is in */
	char *in_std;        /* made when it is needed */
};

struct dwarf_names {
	struct hashtab units; /* struct unit */
	struct hashtab names; /* struct name */
};

struct dwarf_names *
dwarf_names_new(void)
{
	return xcalloc(1, sizeof(struct dwarf_names));
}

void
dwarf_names_free(struct dwarf_names *names)
{
	struct unit *unit;
	struct name *name;
	size_t i;

	if (!names)
		return;
	for (i = 0; i < names->units.capacity; i++) {
		unit = names->units.slots[i].entry;
		if (!unit)
			continue;
		free(unit->scopes);
		ranges_release(&unit->ranges);
		free(unit);
	}
	for (i = 0; i < names->names.capacity; i++) {
		name = names->names.slots[i].entry;
		if (name) {
			free(name->text);
			free(name->in_std);
		}
		free(name);
	}
	hashtab_release(&names->units);
	hashtab_release(&names->names);
	free(names);
}

const char *
dwarf_linkage_name(Dwarf_Die *function)
{
	Dwarf_Attribute attr;

	if (dwarf_attr_integrate(function, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(function, DW_AT_MIPS_linkage_name, &attr))
		return dwarf_formstring(&attr);
	return NULL;
}

/* --- scopes of a unit ------------------------------------------------------- */

static bool
is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_subprogram;
}

static const char *
scope_name(Dwarf_Die *scope)
{
	const char *name = dwarf_diename(scope);

	if (name)
		return name;
	return dwarf_tag(scope) == DW_TAG_namespace ? "(anonymous namespace)"
						    : "(anonymous)";
}

/* Those in `parent`, whose range ends at `parent_end`. */
static void
collect_scopes(struct unit *unit, Dwarf_Die *parent, Dwarf_Off parent_end,
	       unsigned depth)
{
	Dwarf_Die die, next;
	Dwarf_Off offset, end;
	bool more;

	if (depth >= DWARF_DEPTH_MAX ||
	    !dwarf_walk_first(parent, parent_end, &die))
		return;
	do {
		more = dwarf_walk_next(&die, parent_end, &next);
		if (dwarf_haschildren(&die) > 0) {
			offset = dwarf_dieoffset(&die);
			end = more ? dwarf_dieoffset(&next) : parent_end;
			if (is_scope(dwarf_tag(&die)) && offset + 1 < end) {
				/* Without its own offset: it is in its
				 * parent. */
				ranges_add(&unit->ranges, offset + 1, end,
					   unit->count);
				unit->scopes = xgrow(unit->scopes,
						     &unit->capacity,
						     unit->count + 1,
						     sizeof(*unit->scopes));
				unit->scopes[unit->count++] = (struct scope){
					offset,
					scope_name(&die),
				};
			}
			collect_scopes(unit, &die, end, depth + 1);
		}
		die = next;
	} while (more);
}

/* In C all functions are in no scope, which need not be looked for. */
static bool
is_c(Dwarf_Die *cu)
{
	int language = dwarf_srclang(cu);

	return language == DW_LANG_C89 || language == DW_LANG_C ||
	       language == DW_LANG_C99 || language == DW_LANG_C11;
}

static bool
unit_equal(const void *entry, const void *key)
{
	return ((const struct unit *)entry)->address == key;
}

static struct unit *
unit_of(struct dwarf_names *names, Dwarf_Die *die)
{
	struct unit *unit;
	Dwarf_Die cu;
	void **place;

	if (!dwarf_diecu(die, &cu, NULL, NULL))
		return NULL;
	place = hashtab_place(&names->units,
			      hash_u64(HASH_START, (uintptr_t)cu.addr), cu.addr,
			      unit_equal);
	if (!*place) {
		unit = xcalloc(1, sizeof(*unit));
		unit->address = cu.addr;
		if (!is_c(&cu))
			collect_scopes(unit, &cu, DWARF_NO_END, 0);
		ranges_sort(&unit->ranges);
		*place = unit;
	}
	return *place;
}

/* --- names ------------------------------------------------------------------ */

static Dwarf_Die
declaration_of(const Dwarf_Die *function)
{
	Dwarf_Die die = *function, next;
	Dwarf_Attribute attr;
	unsigned i;

	for (i = 0; i < REFERENCES_MAX; i++) {
		if ((!dwarf_attr(&die, DW_AT_abstract_origin, &attr) &&
		     !dwarf_attr(&die, DW_AT_specification, &attr)) ||
		    !dwarf_formref_die(&attr, &next))
			break;
		die = next;
	}
	return die;
}

static char *
put_together(const struct unit *unit, Dwarf_Off offset, const char *name)
{
	const char *scopes[DWARF_DEPTH_MAX];
	struct strbuf text = { 0 };
	size_t count = 0, found;

	while (unit && count < DWARF_DEPTH_MAX) {
		found = ranges_find(&unit->ranges, offset);
		if (found == RANGES_NONE)
			break;
		offset = unit->scopes[found].offset;
		scopes[count++] = unit->scopes[found].name;
	}
	while (count-- > 0) {
		strbuf_adds(&text, scopes[count]);
		strbuf_adds(&text, "::");
	}
	strbuf_adds(&text, name);
	return strbuf_detach(&text);
}

static bool
name_equal(const void *entry, const void *key)
{
	return ((const struct name *)entry)->address == key;
}

/* The namespace of what stands in a header of libstdc++ or libc++, NULL if it
 * is not one. */
static const char *
library_namespace(const char *file)
{
	const char *header = file ? strstr(file, "/include/c++/") : NULL;

	if (!header)
		return NULL;
	return strstr(header, "/ext/") ? "__gnu_cxx" : "std";
}

/* The placement forms, which are inline, are in no namespace. */
static bool
is_operator_new(const char *text)
{
	return strncmp(text, "operator new", 12) == 0 ||
	       strncmp(text, "operator delete", 15) == 0;
}

static const char *
with_namespace(struct name *name, const char *file)
{
	const char *space = library_namespace(file);
	struct strbuf text = { 0 };

	if (!space || !name->text || name->scoped ||
	    is_operator_new(name->text))
		return name->text;
	if (!name->in_std) {
		strbuf_addf(&text, "%s::%s", space, name->text);
		name->in_std = strbuf_detach(&text);
	}
	return name->in_std;
}

const char *
dwarf_qualified_name(struct dwarf_names *names, Dwarf_Die *function,
		     const char *file)
{
	Dwarf_Die die = declaration_of(function);
	const char *simple;
	struct name *name;
	void **place;

	place = hashtab_place(&names->names,
			      hash_u64(HASH_START, (uintptr_t)die.addr),
			      die.addr, name_equal);
	if (!*place) {
		name = xcalloc(1, sizeof(*name));
		name->address = die.addr;
		simple = dwarf_diename(&die);
		if (simple) {
			name->text = put_together(unit_of(names, &die),
						  dwarf_dieoffset(&die),
						  simple);
			name->scoped = strcmp(name->text, simple) != 0;
		}
		*place = name;
	}
	return with_namespace(*place, file);
}
