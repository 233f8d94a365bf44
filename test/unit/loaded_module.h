/*
 * An object of this very process as the analyzer's struct module, so that
 * tests can look themselves up.
 */
#pragma once

#include "../../analyzer/model.h"

struct loaded_module {
	struct module module; /* points to the following */
	char path[4096];
	uint8_t build_id[64];
};

/* Of the object that has the address. Returns 0, or -1 if there is none. */
int loaded_module_take(struct loaded_module *loaded, const void *address);
