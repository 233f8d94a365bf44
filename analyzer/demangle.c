#include "demangle.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "strbuf.h"
#include "xalloc.h"

/*
 * A mangled name may refer to its own parts, so that forty letters stand for
 * terabytes. Longer readable names than this help nobody; it also bounds the
 * time.
 */
#define READABLE_MAX ((size_t)64 * 1024)

/* libiberty's own limit, against endless nesting, stops at names of 1,024
 * bytes; C++ has longer ones. Its recursion needs well under 1 KiB of stack
 * for each byte. */
#define UNLIMITED_MAX 4096

/* D's demangler has no callback that could stop it: each of its references
 * ('Q') at most doubles the result. */
#define D_BYTES_MAX 512
#define D_REFERENCES_MAX 12

/*
 * No return types: a template's would stand before its name, and names are
 * matched from their beginning. No DMGL_VERBOSE: it would bring back Rust's
 * hashes.
 */
#define DEMANGLE_OPTIONS (DMGL_PARAMS | DMGL_ANSI | DMGL_RET_DROP)

/* What gcc and clang append to the name of a function that they split,
 * specialised or made private; most are followed by a number. */
static const char *const clone_marks[] = {
	"part", "constprop", "isra", "cold", "lto_priv", "llvm", "localalias",
};

static bool
is_clone_mark(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(clone_marks) / sizeof(clone_marks[0]); i++) {
		if (strlen(clone_marks[i]) == len &&
		    memcmp(clone_marks[i], word, len) == 0)
			return true;
	}
	return false;
}

static bool
all_digits(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isdigit((unsigned char)word[i]))
			return false;
	}
	return len > 0;
}

/* Start of the last word of name[0..len), which stands behind a dot; 0 if
 * there is none, or nothing before the dot. */
static size_t
last_word(const char *name, size_t len)
{
	size_t i = len;

	while (i > 0 && name[i - 1] != '.')
		i--;
	return i > 1 ? i : 0;
}

/* Length of the name without its last clone mark; `len` if it has none. */
static size_t
without_mark(const char *name, size_t len)
{
	size_t word = last_word(name, len);
	size_t end = len;

	if (!word)
		return len;
	if (all_digits(name + word, len - word)) {
		end = word - 1;
		word = last_word(name, end);
		if (!word)
			return len;
	}
	return is_clone_mark(name + word, end - word) ? word - 1 : len;
}

/* glibc's mark of names for its own use. */
static const char *
without_prefix(const char *name)
{
	static const char prefix[] = "__GI_";
	const size_t len = sizeof(prefix) - 1;

	return strncmp(name, prefix, len) == 0 && name[len] ? name + len : name;
}

/* Length of the name itself. */
static size_t
bare_length(const char *name)
{
	size_t len = strcspn(name, "@");
	size_t shorter;

	if (len == 0)
		return strlen(name);
	while ((shorter = without_mark(name, len)) < len)
		len = shorter;
	return len;
}

char *
demangle_bare(const char *linkage_name)
{
	char *bare = xstrdup(without_prefix(linkage_name));

	bare[bare_length(bare)] = '\0';
	return bare;
}

struct readable {
	struct strbuf text;
	jmp_buf too_long;
};

static void
take_piece(const char *piece, size_t len, void *opaque)
{
	struct readable *readable = opaque;

	if (len > READABLE_MAX - readable->text.len)
		longjmp(readable->too_long, 1);
	strbuf_add(&readable->text, piece, len);
}

typedef int demangler(const char *mangled, int options,
		      demangle_callbackref callback, void *opaque);

/* Both demanglers keep their state on the stack while they print, so that a
 * jump out of them loses nothing. `readable` is the caller's: what is local
 * here would be indeterminate after the jump. */
static bool
run(struct readable *readable, demangler *demangle_to, const char *bare,
    int options)
{
	strbuf_clear(&readable->text);
	if (setjmp(readable->too_long) != 0)
		return false;
	return demangle_to(bare, options, take_piece, readable) != 0;
}

/* Rust's legacy names are C++ names too, but worse ones. */
static char *
run_rust_or_cxx(const char *bare)
{
	struct readable readable = { 0 };

	if (run(&readable, rust_demangle_callback, bare, DEMANGLE_OPTIONS) ||
	    run(&readable, cplus_demangle_v3_callback, bare,
		DEMANGLE_OPTIONS | DMGL_NO_RECURSE_LIMIT))
		return strbuf_detach(&readable.text);
	strbuf_release(&readable.text);
	return NULL;
}

/* libiberty gives the whole text at once here. */
static char *
run_d(const char *bare)
{
	size_t references = 0;
	const char *c;

	for (c = bare; *c; c++)
		references += *c == 'Q';
	if (references > D_REFERENCES_MAX || c - bare > D_BYTES_MAX)
		return NULL;
	return dlang_demangle(bare, DEMANGLE_OPTIONS);
}

char *
demangle(const char *linkage_name)
{
	char *bare = demangle_bare(linkage_name);
	char *readable;

	if (bare[0] != '_' || strlen(bare) > UNLIMITED_MAX)
		return bare;
	readable = run_rust_or_cxx(bare);
	if (!readable && bare[1] == 'D')
		readable = run_d(bare);
	if (!readable)
		return bare;
	free(bare);
	return readable;
}
