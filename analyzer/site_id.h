/*
 * A name for a call stack that outlives the run: 16 hexadecimal digits, the
 * same in every process, under ASLR, and in builds that change no names on the
 * stack. JSON, --series and the baseline file tell sites apart by it.
 *
 * It is the FNV-1a hash (64 bits) over the frames that reports show, innermost
 * first, inlined functions included: the file's stem (atlas.h) and the linkage
 * name, or the place in the file where there is no name. Lines are not in it,
 * so stacks that differ in lines alone share an id. Without symbols, or
 * without inlined functions, ids are others.
 *
 * Files hold it, so it never changes.
 */
#pragma once

#include <stdint.h>

#include "atlas.h"
#include "stack.h"

#define SITE_ID_BYTES 17 /* with the NUL */

/* Of a stack just resolved, whose modules are of the atlas's model. */
uint64_t site_id_of_stack(const struct atlas *atlas, const struct stack *stack);

/* Of a heap or thread row; a class of several stacks (--by) goes by what they
 * have in common. `scratch` is left resolved. */
uint64_t site_id_of_row(const struct atlas *atlas, struct resolver *resolver,
			const struct row *row, struct stack *scratch);

void site_id_format(char text[SITE_ID_BYTES], uint64_t id);
