#include "dwarf_index.h"

#include <ctype.h>
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"
#include "dwarf_names.h"
#include "dwarf_walk.h"
#include "ranges.h"
#include "xalloc.h"

struct unit {
	Dwarf_Die die;    /* has the line table */
	bool indexed;     /* the following is there */
	Dwarf_Die scopes; /* has the functions: `die`, or of the .dwo file */
	Dwarf_Die *functions;
	size_t function_count;
	size_t function_capacity;
	struct ranges ranges; /* items are functions */
};

struct dwarf_index {
	struct unit *units;
	size_t unit_count;
	size_t unit_capacity;
	struct ranges ranges; /* items are units */
	struct dwarf_names *names;
};

/* --- building -------------------------------------------------------------- */

static void
ranges_add_die(struct ranges *ranges, Dwarf_Die *die, size_t item)
{
	Dwarf_Addr base, low, high;
	ptrdiff_t offset = 0;

	while ((offset = dwarf_ranges(die, offset, &base, &low, &high)) > 0) {
		/* What the linker threw away was relocated to 0, to 1 or
		 * past the end. */
		if (low > 1 && low < high)
			ranges_add(ranges, low, high, item);
	}
}

struct dwarf_index *
dwarf_index_new(Dwarf *dwarf)
{
	struct dwarf_index *index = xcalloc(1, sizeof(*index));
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die;

	while (dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		ranges_add_die(&index->ranges, &die, index->unit_count);
		index->units = xgrow(index->units, &index->unit_capacity,
				     index->unit_count + 1,
				     sizeof(*index->units));
		index->units[index->unit_count++] = (struct unit){ .die = die };
	}
	ranges_sort(&index->ranges);
	index->names = dwarf_names_new();
	return index;
}

void
dwarf_index_free(struct dwarf_index *index)
{
	size_t i;

	if (!index)
		return;
	for (i = 0; i < index->unit_count; i++) {
		free(index->units[i].functions);
		ranges_release(&index->units[i].ranges);
	}
	free(index->units);
	ranges_release(&index->ranges);
	dwarf_names_free(index->names);
	free(index);
}

bool
dwarf_index_is_empty(const struct dwarf_index *index)
{
	return index->ranges.count == 0;
}

/* Functions can be anywhere: a lambda's is in a class in a function. */
static void
collect_functions(struct unit *unit, Dwarf_Die *parent, Dwarf_Off end,
		  unsigned depth)
{
	Dwarf_Die die, next;
	size_t ranges;
	bool more;

	if (depth >= DWARF_DEPTH_MAX || !dwarf_walk_first(parent, end, &die))
		return;
	do {
		more = dwarf_walk_next(&die, end, &next);
		if (dwarf_tag(&die) == DW_TAG_subprogram) {
			ranges = unit->ranges.count;
			ranges_add_die(&unit->ranges, &die,
				       unit->function_count);
			if (unit->ranges.count > ranges) {
				unit->functions =
					xgrow(unit->functions,
					      &unit->function_capacity,
					      unit->function_count + 1,
					      sizeof(*unit->functions));
				unit->functions[unit->function_count++] = die;
			}
		}
		if (dwarf_haschildren(&die) > 0)
			collect_functions(unit, &die,
					  more ? dwarf_dieoffset(&next) : end,
					  depth + 1);
		die = next;
	} while (more);
}

static void
index_unit(struct unit *unit)
{
	Dwarf_Die split;
	uint8_t type;

	unit->indexed = true;
	unit->scopes = unit->die;
	if (dwarf_cu_info(unit->die.cu, NULL, &type, NULL, &split, NULL, NULL,
			  NULL) == 0 &&
	    type == DW_UT_skeleton) {
		if (!split.addr) /* its .dwo file is not there */
			return;
		unit->scopes = split;
	}
	collect_functions(unit, &unit->scopes, DWARF_NO_END, 0);
	ranges_sort(&unit->ranges);
}

/* --- finding --------------------------------------------------------------- */

static uint32_t
number_of(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) ||
	    dwarf_formudata(&attr, &value) != 0 || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/* The scope directly in `parent` that has the address. */
static bool
inner_scope(Dwarf_Die *parent, Dwarf_Addr address, Dwarf_Die *scope)
{
	Dwarf_Die next;

	if (!dwarf_walk_first(parent, DWARF_NO_END, scope))
		return false;
	for (;;) {
		switch (dwarf_tag(scope)) {
		case DW_TAG_inlined_subroutine:
		case DW_TAG_lexical_block:
		case DW_TAG_try_block:
		case DW_TAG_catch_block:
			if (dwarf_haspc(scope, address) > 0)
				return true;
			break;
		default:
			break;
		}
		if (!dwarf_walk_next(scope, DWARF_NO_END, &next))
			return false;
		*scope = next;
	}
}

/* The function at `address` and what is inlined there, outermost first. */
static size_t
walk_inward(Dwarf_Die *function, Dwarf_Addr address,
	    Dwarf_Die inlined[DWARF_DEPTH_MAX])
{
	Dwarf_Die scope = *function, inner;
	size_t count = 0, depth;

	inlined[count++] = *function;
	for (depth = 1; depth < DWARF_DEPTH_MAX; depth++) {
		if (!inner_scope(&scope, address, &inner))
			break;
		scope = inner;
		if (dwarf_tag(&scope) == DW_TAG_inlined_subroutine)
			inlined[count++] = scope;
	}
	return count;
}

static void
find_line(struct unit *unit, Dwarf_Addr address, struct dwarf_line *line)
{
	Dwarf_Line *source = dwarf_getsrc_die(&unit->die, address);
	int number = 0;

	if (!source)
		return;
	/* Line 0: made by the compiler, from no line. */
	if (dwarf_lineno(source, &number) != 0 || number <= 0)
		return;
	line->file = dwarf_linesrc(source, NULL, NULL);
	line->line = (uint32_t)number;
}

/* Where an inlined function was called from. */
static struct dwarf_line
call_line(struct unit *unit, Dwarf_Die *inlined)
{
	struct dwarf_line line = { 0 };
	Dwarf_Files *files;
	size_t count;
	uint32_t number = number_of(inlined, DW_AT_call_file);

	line.line = number_of(inlined, DW_AT_call_line);
	if (dwarf_getsrcfiles(&unit->scopes, &files, &count) == 0 &&
	    number < count)
		line.file = dwarf_filesrc(files, number, NULL, NULL);
	return line;
}

static const char *
inlined_name(struct dwarf_index *index, Dwarf_Die *function, const char *file)
{
	const char *name = dwarf_linkage_name(function);

	return name ? name : dwarf_qualified_name(index->names, function, file);
}

static bool
in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$';
}

/* Does the symbol's name, readable, have `name` as a word of it? `name` is
 * DWARF's, with template arguments, which may be spelt differently. */
static bool
is_symbol_of(const char *symbol, const char *name)
{
	size_t len = strncmp(name, "operator", 8) == 0 ? strlen(name)
						       : strcspn(name, "<");
	char *readable = demangle(symbol);
	const char *at;
	bool found = false;

	for (at = readable; *at && !found; at++)
		found = strncmp(at, name, len) == 0 &&
			(at == readable || !in_word(at[-1])) &&
			!in_word(at[len]);
	free(readable);
	return found && len > 0;
}

/* Where DWARF has no linkage name, the symbol may be it, if it is a mangled
 * form of the name. (Or it is the symbol of an equal function, of which the
 * linker kept one.) */
static const char *
outermost_name(struct dwarf_index *index, Dwarf_Die *function,
	       const char *symbol)
{
	const char *linkage_name = dwarf_linkage_name(function);
	const char *name;

	if (linkage_name)
		return linkage_name;
	name = dwarf_diename(function);
	if (name && symbol && symbol[0] == '_' && symbol[1] &&
	    strchr("ZRD", symbol[1]) && is_symbol_of(symbol, name))
		return symbol;
	return dwarf_qualified_name(index->names, function, NULL);
}

bool
dwarf_index_find(struct dwarf_index *index, Dwarf_Addr address,
		 const char *symbol, struct sym_chain *chain,
		 struct dwarf_line *line)
{
	Dwarf_Die inlined[DWARF_DEPTH_MAX];
	struct dwarf_line at;
	struct unit *unit;
	const char *name, *inner;
	size_t found, count;

	*line = (struct dwarf_line){ 0 };
	found = ranges_find(&index->ranges, address);
	if (found == RANGES_NONE)
		return false;
	unit = &index->units[found];
	find_line(unit, address, line);
	if (!unit->indexed)
		index_unit(unit);
	found = ranges_find(&unit->ranges, address);
	if (found == RANGES_NONE)
		return false;
	count = walk_inward(&unit->functions[found], address, inlined);
	name = outermost_name(index, &inlined[0], symbol);
	if (!name)
		name = symbol; /* what has the name may be missing (dwz) */
	if (!name)
		return false;
	at = *line;
	while (--count > 0) {
		inner = inlined_name(index, &inlined[count], at.file);
		if (inner)
			sym_chain_add(chain, inner, at.file, at.line);
		at = call_line(unit, &inlined[count]);
	}
	sym_chain_add(chain, name, at.file, at.line);
	return true;
}
