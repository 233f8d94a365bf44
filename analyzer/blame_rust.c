/*
 * Rust's crates are called core and alloc, as a namespace of anybody's C++ may
 * be; but a C++ name has its parameters at the end, and a Rust name has none.
 */
#include "blame_rust.h"

#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char identifier[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789_";

static bool
looks_like_cplusplus(const char *name)
{
	const char *end = strrchr(name, ')');

	if (!end)
		return false;
	end++;
	return !*end || strncmp(end, " const", 6) == 0 ||
	       strncmp(end, " volatile", 9) == 0 ||
	       strncmp(end, " &", 2) == 0 || strncmp(end, " [", 2) == 0;
}

static bool
is_of_crate(const char *path, const char *crate)
{
	size_t len = strlen(crate);

	return strncmp(path, crate, len) == 0 &&
	       strncmp(path + len, "::", 2) == 0;
}

static bool
is_library_crate(const char *path)
{
	return is_of_crate(path, "core") || is_of_crate(path, "alloc") ||
	       is_of_crate(path, "std") || is_of_crate(path, "hashbrown");
}

/* Past the '<' and what else may stand before a type's path. */
static const char *
skip_to_path(const char *type)
{
	static const char *const words[] = { "mut ", "const ", "dyn ",
					     "impl " };
	size_t i = 0;

	type += strspn(type, "<&*[(");
	while (i < COUNT(words)) {
		if (strncmp(type, words[i], strlen(words[i])) == 0) {
			type += strlen(words[i]);
			type += strspn(type, "<&*[(");
			i = 0;
		} else {
			i++;
		}
	}
	return type;
}

/* TRAIT in `<TYPE as TRAIT>::...`; NULL: the name has none. */
static const char *
find_trait(const char *name)
{
	int depth = 0;

	for (; *name; name++) {
		if (*name == '<')
			depth++;
		else if (*name == '>' && name[-1] != '-' && --depth == 0)
			return NULL;
		else if (depth == 1 && strncmp(name, " as ", 4) == 0)
			return name + 4;
	}
	return NULL;
}

/* `<app::Thing as core::clone::Clone>::clone` is the program's, and so is
 * `<alloc::vec::Vec<T> as app::Push>::push`. A type without a path (T, u8,
 * [T], str) is nobody's: the trait decides. */
static bool
is_library(const char *name)
{
	const char *path, *trait;

	if (looks_like_cplusplus(name))
		return false;
	if (*name != '<')
		return is_library_crate(name);
	path = skip_to_path(name);
	if (strncmp(path + strspn(path, identifier), "::", 2) == 0 &&
	    !is_library_crate(path))
		return false;
	trait = find_trait(name);
	return !trait || is_library_crate(skip_to_path(trait)) ||
	       (*trait == '<' && is_library(trait));
}

bool
blame_rust_is_container(const char *name)
{
	const char *path = skip_to_path(name);
	const char *trait = *name == '<' ? find_trait(name) : NULL;

	return is_library(name) && !strstr(name, "::call") &&
	       (is_of_crate(path, "alloc") || is_of_crate(path, "hashbrown") ||
		(trait && is_of_crate(skip_to_path(trait), "alloc")));
}

bool
blame_rust_is_allocator(const struct blame_frame *frame)
{
	static const char *const names[] = { "__rust_", "__rdl_", "__rg_",
					     "__rustc::__r" };
	const char *name = frame->function;
	size_t i;

	for (i = 0; i < COUNT(names); i++) {
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return blame_rust_is_container(name) || is_of_crate(name, "std::alloc");
}

bool
blame_rust_is_library(const struct blame_frame *frame)
{
	return is_library(frame->function);
}

bool
blame_rust_calls_program(const struct blame_frame *frame)
{
	const char *name = frame->function;

	return !looks_like_cplusplus(name) &&
	       (strstr(name, "__rust_begin_short_backtrace") ||
		is_of_crate(name, "std::rt") ||
		is_of_crate(name, "std::panic") ||
		is_of_crate(name, "std::panicking"));
}
