#include "dwarf_walk.h"

bool
dwarf_walk_first(Dwarf_Die *parent, Dwarf_Off end, Dwarf_Die *child)
{
	return dwarf_child(parent, child) == 0 && dwarf_dieoffset(child) < end;
}

bool
dwarf_walk_next(Dwarf_Die *die, Dwarf_Off end, Dwarf_Die *next)
{
	return dwarf_siblingof(die, next) == 0 &&
	       dwarf_dieoffset(next) > dwarf_dieoffset(die) &&
	       dwarf_dieoffset(next) < end;
}
