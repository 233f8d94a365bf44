/*
 * host_server SECONDS LIBRARY: a busy server in small. Keeps a bounded number
 * of blocks, and nothing grows.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT 20000

static atomic_int done;

struct worker {
	unsigned seed;
	void *kept[KEPT];
};

static unsigned
draw(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 8;
}

/* Deep and shallow stacks, but a bounded number of them. */
static __attribute__((noinline)) void *
allocate(unsigned depth, size_t size)
{
	void *p = depth == 0 ? malloc(size) : allocate(depth - 1, size);

	__asm__ volatile("" : "+r"(p));
	return p;
}

static void *
churn(void *argument)
{
	struct worker *w = argument;

	while (!done) {
		unsigned at = draw(&w->seed) % KEPT;

		free(w->kept[at]);
		w->kept[at] =
			allocate(draw(&w->seed) % 40, draw(&w->seed) % 2000);
		if (draw(&w->seed) % 2000 == 0)
			usleep(500);
	}
	for (unsigned i = 0; i < KEPT; i++)
		free(w->kept[i]);
	return NULL;
}

static void *
end_soon(void *unused)
{
	free(malloc(100));
	return unused;
}

static void
one_round(const char *library)
{
	pthread_t threads[20];
	void *handle;
	pid_t pid;

	for (int i = 0; i < 20; i++)
		if (pthread_create(&threads[i], NULL, end_soon, NULL) != 0)
			_exit(1);
	for (int i = 0; i < 20; i++)
		pthread_join(threads[i], NULL);
	pid = fork();
	if (pid == 0) {
		free(malloc(10000));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	handle = dlopen(library, RTLD_NOW);
	if (handle != NULL)
		dlclose(handle);
	usleep(20000);
}

int
main(int argc, char **argv)
{
	static struct worker workers[3];
	pthread_t threads[3];
	time_t end;

	if (argc < 3)
		return 2;
	end = time(NULL) + atoi(argv[1]);
	for (unsigned i = 0; i < 3; i++) {
		workers[i].seed = i + 1;
		if (pthread_create(&threads[i], NULL, churn, &workers[i]) != 0)
			return 1;
	}
	while (time(NULL) < end)
		one_round(argv[2]);
	done = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
