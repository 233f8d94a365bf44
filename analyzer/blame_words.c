#include "blame_words.h"

#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a wrapper's name ends in, in any case: mosquitto__malloc, zmalloc,
 * MemMalloc. */
static const char *const words[] = {
	"malloc",   "calloc",      "realloc",       "zalloc",
	"strdup",   "strndup",     "memdup",        "reallocarray",
	"memalign", "reallocf",    "recallocarray", "aligned_alloc",
	"asprintf", "mallocarray",
};

/* "alloc" itself is what constructors end in too (conn_alloc), and pools, which
 * do more than to allocate: only behind these words it is a wrapper. */
static const char *const memory_words[] = { "mem_alloc", "memory_alloc",
					    "heap_alloc", "safe_alloc" };

/* These merely end in the same letters. */
static const char *const others[] = { "prealloc", "localloc" };

/* What may follow: g_malloc0, xmalloc_array, je_malloc_default. */
static const char *const tails[] = {
	"0",         "_n",       "_array",   "_aligned", "_internal",
	"_impl",     "_default", "_debug",   "_dbg",     "_checked",
	"_safe",     "_nofail",  "_or_die",  "_or_exit", "_or_abort",
	"_or_throw", "_zero",    "_wrapper", "_ex",      "N",
};

/* What compilers put behind the name of a copy that they made of a function. */
static const char *const copies[] = {
	".constprop.", ".isra.", ".part.", ".cold", ".lto_priv.", ".localalias"
};

static bool
ends_in(const char *name, size_t len, const char *end)
{
	size_t tail = strlen(end);

	return len >= tail && strncasecmp(name + len - tail, end, tail) == 0;
}

/* The bytes before the end, or len if it is none of them. */
static size_t
without_end(const char *name, size_t len, const char *const *ends, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (ends_in(name, len, ends[i]))
			return len - strlen(ends[i]);
	}
	return len;
}

/* What stands before is a program's or a room's name: keep_after_failed_realloc
 * is no allocator but tells what it does. */
static bool
is_short(const char *name, size_t len)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < len; i++)
		count += name[i] != '_' && (i == 0 || name[i - 1] == '_');
	return count <= 2;
}

static size_t
without_copy(const char *name, size_t len)
{
	const char *dot = memchr(name, '.', len);
	size_t i;

	for (i = 0; dot && i < COUNT(copies); i++) {
		if (strncmp(dot, copies[i], strlen(copies[i])) == 0)
			return (size_t)(dot - name);
	}
	return len;
}

static size_t
without_tail(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < COUNT(tails); i++) {
		if (ends_in(name, len, tails[i]))
			return len - strlen(tails[i]);
	}
	return len;
}

bool
blame_words_allocate(const char *name, size_t len)
{
	size_t before;

	len = without_tail(name, without_copy(name, len));
	/* Most names end in none of their letters: it is asked of every frame
	 * of every stack. */
	if (!len || !strchr("cpfynCPFYN", name[len - 1]))
		return false;
	if (without_end(name, len, others, COUNT(others)) < len)
		return false;
	before = without_end(name, len, words, COUNT(words));
	if (before == len)
		before = without_end(name, len, memory_words,
				     COUNT(memory_words));
	return before < len && is_short(name, before);
}
