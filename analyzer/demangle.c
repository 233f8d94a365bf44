#include "demangle.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <libiberty/demangle.h>

#include "xalloc.h"

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
demangle(const char *linkage_name)
{
	char *bare = xstrdup(without_prefix(linkage_name));
	char *readable;

	bare[bare_length(bare)] = '\0';
	readable = cplus_demangle(bare, DEMANGLE_OPTIONS | DMGL_AUTO);
	/* libiberty's "auto" leaves D out. */
	if (!readable && strncmp(bare, "_D", 2) == 0)
		readable = cplus_demangle(bare, DEMANGLE_OPTIONS | DMGL_DLANG);
	if (!readable)
		return bare;
	free(bare);
	return readable;
}
