/*
 * Suppressions: which sites are known and nobody's concern. Sets the fate of
 * their rows to FATE_SUPPRESSED, so that they are neither listed nor gated,
 * but totalled.
 *
 * The syntax is LeakSanitizer's, with two kinds more:
 *
 *	leak:PATTERN    heap sites with PATTERN in any frame
 *	thread:PATTERN  the same of sites that create threads
 *	once:N:PATTERN  heap sites of which at most N objects are live, with
 *	                PATTERN in one of the innermost frames that belong to
 *	                the C library, the C++ library or the loader
 *
 * PATTERN is searched for in the function's name, demangled and as the linker
 * knows it, in its source file, and in the module's path. `*` is any text, `^`
 * at the front and `$` at the end are the ends of the name. Lines that begin
 * with `#` are comments.
 *
 * `once` is what the built-in ones are made of. What a library allocates for
 * itself the first time it is called never goes away, but the same functions
 * also allocate for their callers: so neither an own function nor a growing
 * number is ever matched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "classes.h"
#include "diff.h"
#include "err.h"
#include "resolver.h"
#include "strbuf.h"

/* A file that people write, all files together, and one line. */
#define SUPPRESS_FILE_BYTES (1u << 20)
#define SUPPRESS_RULES_MAX 4096
#define SUPPRESS_PATTERN_BYTES 1024
/* What `once` may allow: more is no library's first call. */
#define SUPPRESS_ONCE_MAX 65536

struct suppress;

/* The built-in ones. Never NULL. */
struct suppress *suppress_new(void) __attribute__((warn_unused_result));
void suppress_free(struct suppress *suppress); /* NULL is allowed */

/* Adds those of a file. -1 and `err`, which names file and line, and then
 * none of them is added. */
int suppress_load(struct suppress *suppress, const char *file, struct err *err)
	__attribute__((warn_unused_result));
/* The same from memory; `name` stands for the file. */
int suppress_parse(struct suppress *suppress, const char *name,
		   const char *text, size_t len, struct err *err)
	__attribute__((warn_unused_result));

/* Does PATTERN match a name? An empty name never. In time proportional to the
 * lengths of both. */
bool suppress_matches(const char *pattern, const char *name);

/*
 * Divides classes that hold both stacks which are suppressed and stacks which
 * are not, or by several suppressions, so that what is listed of a function is
 * what is not suppressed. For use before diff_new; one suppress is of one
 * resolver and its atlas.
 */
void suppress_divide(struct suppress *suppress, const struct atlas *atlas,
		     struct resolver *resolver, enum row_kind kind,
		     struct classes *classes);

/* Sets the fates of the heap and thread rows that are FATE_LISTED, and counts
 * what each suppression matched. */
void suppress_apply(struct suppress *suppress, struct diff *diff,
		    struct resolver *resolver);

/*
 * A heap row that nothing suppresses, but only for want of names: the frames
 * that a built-in suppression would look at have none. A gate must not take it
 * for found.
 */
bool suppress_is_unsure(struct suppress *suppress, struct resolver *resolver,
			const struct row *row);

/* All in force, in a form that suppress_load takes; with `counts` also what
 * each matched. */
void suppress_print(const struct suppress *suppress, bool counts,
		    struct strbuf *out);

/* suppress_builtin.c: a file of them, compiled in. A comment is the title of
 * those after it. */
extern const char suppress_builtin[];
