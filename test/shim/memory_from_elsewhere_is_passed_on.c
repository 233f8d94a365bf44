/* cflags: -Wno-use-after-free */
/* link: -ldl */
/*
 * Blocks that others allocated and we are to free, and the other way round:
 * from the C library's own entry, which is what statically linked code and
 * libraries bound to it have; RTLD_DEEPBIND; dlmopen. The .sh checks that each
 * is counted.
 */
#include <dlfcn.h>
#include <string.h>

#include "host.h"

void *__libc_malloc(size_t size);
void __libc_free(void *p);

struct elsewhere {
	void *(*malloc)(size_t size);
	void (*free)(void *p);
	void *(*call)(void *(*function)(size_t), size_t size);
};

static struct elsewhere
find(void *handle)
{
	struct elsewhere found = { NULL, NULL, NULL };
	void *symbol[3] = {
		dlsym(handle, "elsewhere_malloc"),
		dlsym(handle, "elsewhere_free"),
		dlsym(handle, "elsewhere_call"),
	};

	memcpy(&found, symbol, sizeof(found));
	if (found.malloc == NULL || found.free == NULL || found.call == NULL) {
		puts("the library is not there");
		exit(1);
	}
	return found;
}

/* 3 frees of blocks that nobody told us of. */
static void
free_of_the_c_librarys(void)
{
	for (int i = 0; i < 3; i++)
		free(__libc_malloc(1000));
}

/* 1 such free, and the block it grew into is known. */
NOINLINE static void *
keep_what_was_unknown(void)
{
	return use(realloc(__libc_malloc(100), 70000));
}

/* 5 frees behind our back: a block of that address tells. The C library gives
 * an address out again at once. */
NOINLINE static void
lose_and_find(void)
{
	for (int i = 0; i < 5; i++) {
		void *lost = use(malloc(3000));
		void *found;

		__libc_free(lost);
		found = use(malloc(3000));
		CHECK(found == lost);
		free(found);
	}
}

NOINLINE static void *
host_block(size_t size)
{
	return use(malloc(size));
}

/* 7 frees of unknown blocks; 1 block freed behind our back and found. */
static void
deepbind(const char *path)
{
	struct elsewhere lib = find(dlopen(path, RTLD_NOW | RTLD_DEEPBIND));
	void *lost;

	for (int i = 0; i < 7; i++)
		free(lib.malloc(5000));
	lost = use(malloc(7777));
	lib.free(lost);
	CHECK(use(malloc(7777)) == lost);
	lib.free(lib.malloc(100));
}

/* Its heap is another one: nothing is seen, but what it has us allocate. */
static void *namespace(const char *path)
{
	struct elsewhere lib = find(dlmopen(LM_ID_NEWLM, path, RTLD_NOW));
	void *kept;

	for (int i = 0; i < 11; i++)
		lib.free(lib.malloc(2000 + (size_t)i * 5000));
	kept = lib.call(host_block, 4321);
	free(lib.call(host_block, 1234));
	return kept;
}

int
main(int argc, char **argv)
{
	void *kept[2];

	if (argc < 2)
		return 2;
	free_of_the_c_librarys();
	kept[0] = keep_what_was_unknown();
	lose_and_find();
	deepbind(argv[1]);
	kept[1] = namespace(argv[1]);
	memset(kept[0], 0, 70000);
	memset(kept[1], 0, 4321);
	return failed;
}
