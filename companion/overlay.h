/*
 * What `run` lays over the environment: our library in LD_PRELOAD, options in
 * LEAKSHIM. It adds to what is there and replaces neither.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../analyzer/err.h"

#define OVERLAY_LIBRARY "libleakshim.so"

/* One option from the command line. */
struct overlay_pair {
	const char *key;
	const char *value; /* as the user means it, commas not escaped */
};

/* Where this program lies, without the final '/'. The caller frees it. NULL if
 * that can't be told. */
char *overlay_directory(void) __attribute__((warn_unused_result));

/* The path of our library: beside this program, in ../lib or ../lib/TRIPLET
 * from there, or where it was configured to be installed. The caller frees
 * it. NULL with `err` if it is in none of them, or if its path can't be said
 * in LD_PRELOAD. */
char *overlay_library(struct err *err) __attribute__((warn_unused_result));

/* LD_PRELOAD with `library` in front of `inherited` (may be NULL), unless a
 * library of that base name is in it already. The caller frees it. Pure. */
char *overlay_preload(const char *inherited, const char *library)
	__attribute__((warn_unused_result, returns_nonnull));

/* LD_PRELOAD without our library, whatever its directory; the rest is as it
 * was, joined by ':'. NULL if nothing is left, also for NULL. The caller frees
 * it. Pure. */
char *overlay_strip(const char *inherited) __attribute__((warn_unused_result));

/*
 * LEAKSHIM as `inherited` (may be NULL) with `pairs` added: a key in `pairs`
 * replaces the same key, everything else stays as it is spelled. The caller
 * frees it. Pure.
 */
char *overlay_options(const char *inherited, const struct overlay_pair *pairs,
		      size_t count)
	__attribute__((warn_unused_result, returns_nonnull));

/* The value of `key` in such a text, the last if it repeats, `\,` decoded;
 * NULL if it is not there. The caller frees it. Pure. */
char *overlay_get(const char *options, const char *key)
	__attribute__((warn_unused_result));

/* Such a text as the shim reports it, in the words that a person would have
 * used: follow=fork,exec, and without what says nothing (seed=0 is a random
 * one, log= is none). The caller frees it. Pure. */
char *overlay_spoken(const char *options)
	__attribute__((warn_unused_result, returns_nonnull));

/* False for a value that the syntax can't hold: a `\` at its end would escape
 * the comma that follows. Pure. */
bool overlay_can_hold(const char *value);
