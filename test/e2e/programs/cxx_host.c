/*
 * cxx_host LIBRARY THROWS: a C program that opens cxx_library.cc late and to
 * itself (RTLD_LOCAL), and prints how its exceptions fare. Prints as well
 * whether the global scope has an unwinder: it has none, unless somebody
 * brought one, and that takes over everybody's exceptions.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define DEPTH 200
#define LEAKS 300
#define LEAK_BYTES 777

static void *library;

typedef unsigned long throw_fn(unsigned int count, unsigned int depth);
typedef unsigned long unwound_fn(void);
typedef int through_fn(void (*host)(void (*)(void)));
typedef int verdict_fn(void);
typedef unsigned int handler_fn(void);
typedef void leak_fn(unsigned int count, size_t bytes);

#define SYMBOL(type, name) ((type *)(size_t)find(name))

static void *
find(const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return symbol;
}

/* noinline and not a tail call: a frame for the exception to cross. */
__attribute__((noinline)) static void
call(void (*function)(void))
{
	function();
	__asm__ volatile("" ::: "memory");
}

int
main(int argc, char **argv)
{
	unsigned int throws;

	if (argc != 3)
		return 2;
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 2;
	}
	throws = (unsigned int)atoi(argv[2]);
	printf("caught %lu\n", SYMBOL(throw_fn, "cxx_throw")(throws, DEPTH));
	printf("unwound %lu\n", SYMBOL(unwound_fn, "cxx_unwound")());
	printf("through C %d\n", SYMBOL(through_fn, "cxx_throw_through")(call));
	printf("bad_alloc %d\n", SYMBOL(verdict_fn, "cxx_bad_alloc")());
	printf("nothrow %d\n", SYMBOL(verdict_fn, "cxx_nothrow")());
	printf("new_handler %u\n", SYMBOL(handler_fn, "cxx_new_handler")());
	SYMBOL(leak_fn, "cxx_leak")(LEAKS, LEAK_BYTES);
	printf("global unwinder %s\n",
	       dlsym(RTLD_DEFAULT, "_Unwind_RaiseException") ? "yes" : "none");
	return 42;
}
