/*
 * The names of snapshot files, from out= and its % codes.
 *
 * Absolute, so that they hold after the host changed its directory. Static
 * state belongs to who holds the writer (writer.h).
 */
#pragma once

#include "../proto/limits.h"
#include "lks.h"

enum lks_place {
	LKS_PLACE_WANTED,   /* out= */
	LKS_PLACE_FALLBACK, /* /tmp/leakshim-UID/ */
};

/* BOOT, FORK, WRITER. Makes the templates of both places, for the process and
 * the user of this moment. A directory as out= gets the default name. Returns
 * a % code in out= that there is not, 0: none. */
char lks_outname_resolve(void);

/* With %n. */
const char *lks_outname_template(enum lks_place where);

/* The number of the first file: 1; without %n 0, which is not written. */
uint32_t lks_outname_first(void);

/* The path of file `number`. 0 or a negative errno. */
long lks_outname_make(enum lks_place where, uint32_t number, char *path,
		      size_t cap) __attribute__((warn_unused_result));
