/*
 * From DIE to DIE, in files that may be damaged. A DIE's children stand right
 * behind it, before the next of its own level; libdw believes what the file
 * says of that place. If it is in the children, or further than the level's
 * end, a walk through everything would take 2 to the depth steps. Here such a
 * level ends.
 */
#pragma once

#include <stdbool.h>

#include <elfutils/libdw.h>

/* Deeper than any real nesting; a damaged file must not end the stack. */
#define DWARF_DEPTH_MAX 256

/* A unit's own level has no end. */
#define DWARF_NO_END (~(Dwarf_Off)0)

/* The first child; `end` is the offset where the children end at the latest.
 * False if there is none. */
bool dwarf_walk_first(Dwarf_Die *parent, Dwarf_Off end, Dwarf_Die *child);

/* What follows `die` on its level, which ends at `end`. False: `die` is the
 * last, and its children end there too; else they end where `next` begins. */
bool dwarf_walk_next(Dwarf_Die *die, Dwarf_Off end, Dwarf_Die *next);
