/* link: -pthread -ldl */
/* full: 20,000 times opened and closed */
/*
 * Three threads open and close two plugins in a loop, by name alone (they lie
 * beside the program, which its RUNPATH says), while three others allocate
 * and the program is asked for snapshots. First, one after the other, each at
 * the address where the other was. What each plugin kept is the .sh's to count.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define LOADERS 3
#define ALLOCATORS 3

struct plugin {
	const char *file;
	const char *keeps;
	const char *churns;
};

static const struct plugin plugins[2] = {
	{ "lib_plugin_one.so", "plugin_one_keeps", "plugin_one_churns" },
	{ "lib_plugin_two.so", "plugin_two_keeps", "plugin_two_churns" },
};
static atomic_int done;
static long times;

/* Where it was mapped. */
static void *
open_use_close(const struct plugin *plugin)
{
	void *handle = dlopen(plugin->file, RTLD_NOW);
	void *(*keeps)(void);
	void (*churns)(void);
	void *symbol;
	Dl_info info;

	if (handle == NULL) {
		puts(dlerror());
		exit(1);
	}
	symbol = dlsym(handle, plugin->keeps);
	CHECK(dladdr(symbol, &info) != 0);
	memcpy(&keeps, &symbol, sizeof(symbol));
	symbol = dlsym(handle, plugin->churns);
	memcpy(&churns, &symbol, sizeof(symbol));
	memset(keeps(), 1, 100);
	churns();
	CHECK(dlclose(handle) == 0);
	return info.dli_fbase;
}

/* The first goes, the second comes: at the same address. */
static void
take_turns(void)
{
	void *base[2];
	int same = 0;

	for (int i = 0; i < 20; i++) {
		base[i % 2] = open_use_close(&plugins[i % 2]);
		same += i > 0 && base[0] == base[1];
	}
	printf("both were at the same address: %d\n", same > 10);
}

static void *
load(void *number)
{
	for (long i = 0; i < times; i++)
		open_use_close(&plugins[(i + (number != NULL)) % 2]);
	return NULL;
}

static void *
allocate(void *unused)
{
	void *some[64] = { NULL };

	for (unsigned i = 0; !done; i++) {
		free(some[i % 64]);
		some[i % 64] = malloc(i % 3000);
	}
	for (int i = 0; i < 64; i++)
		free(some[i]);
	return unused;
}

static void *
ask(void *unused)
{
	const struct timespec pause = { 0, 20000000 };

	while (!done) {
		kill(getpid(), SIGUSR2);
		nanosleep(&pause, NULL);
	}
	return unused;
}

int
main(int argc, char **argv)
{
	pthread_t loaders[LOADERS];
	pthread_t others[ALLOCATORS + 1];

	(void)argv;
	times = rounds(400, 20000) / LOADERS;
	take_turns();
	for (int i = 0; i < ALLOCATORS; i++)
		pthread_create(&others[i], NULL, allocate, NULL);
	/* Plainly, nobody would answer. */
	if (argc > 1)
		pthread_create(&others[ALLOCATORS], NULL, ask, NULL);
	for (int i = 0; i < LOADERS; i++)
		pthread_create(&loaders[i], NULL, load, i % 2 ? &done : NULL);
	for (int i = 0; i < LOADERS; i++)
		pthread_join(loaders[i], NULL);
	done = 1;
	for (int i = 0; i < ALLOCATORS + (argc > 1); i++)
		pthread_join(others[i], NULL);
	printf("%ld times\n", times);
	return failed;
}
