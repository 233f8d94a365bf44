/*
 * Whose allocation is it? From a resolved stack, innermost frame first, this
 * room says which inner frames are only our own or the allocator's and are
 * CUT from every report, and which of the rest is BLAMED: the function a
 * reader can do something about, so neither an allocator nor a function whose
 * whole job is to allocate for its caller (operator new, strdup, zmalloc,
 * std::allocator, mosquitto__malloc ...).
 *
 * Between Rust's allocator and the program all of Rust's library is skipped.
 *
 * It knows names only. A frame is a function name, demangled or not, and the
 * base name of its module; inlined functions are frames of their own.
 */
#pragma once

#include <stddef.h>

struct err;
struct blame; /* the built-in rules and the user's */

struct blame_frame {
	const char *function; /* never NULL; borrowed for the call */
	const char *module;   /* base name; NULL = unknown */
};

/* Never NULL. */
struct blame *blame_new(void);
void blame_free(struct blame *blame); /* NULL is allowed */

/*
 * Adds a POSIX extended regular expression, searched for in function names:
 * what it finds is an allocation wrapper. Returns 0, or -1 and fills `err`
 * (usage: the expression is bad).
 */
int blame_skip(struct blame *blame, const char *regex, struct err *err)
	__attribute__((warn_unused_result));

/*
 * How many innermost frames to cut: those of the shim, of malloc and its
 * kin, and of allocator libraries. Less than `count` unless that is 0: the
 * outermost frame is kept, whatever it is.
 */
size_t blame_cut(const struct blame *blame, const struct blame_frame *frames,
		 size_t count);

/*
 * Index of the blamed frame of a heap stack; `count` is not 0. At least
 * blame_cut(). If every frame is a wrapper, the outermost.
 */
size_t blame_heap(const struct blame *blame, const struct blame_frame *frames,
		  size_t count);

/* The same of the stack that created a thread: cut are the shim and the
 * thread library, skipped what only starts threads (pthread_create,
 * std::thread, g_thread_new ...) and --skip. */
size_t blame_thread_cut(const struct blame *blame,
			const struct blame_frame *frames, size_t count);
size_t blame_thread(const struct blame *blame, const struct blame_frame *frames,
		    size_t count);
