/* link: -pthread */
/*
 * Threads of every fate, each kind from a function of its own:
 *   start_running      3 that still run at the end
 *   start_forgotten    5 that have ended and are neither joined nor detached
 *   start_joined      40 joined, by each of the join functions
 *   start_detached    40 detached: at birth, while running, after their end
 *   start_c11          2 forgotten ones made by thrd_create
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static void *
ends(void *unused)
{
	free(malloc(10));
	return unused;
}

static void *
leaves(void *unused)
{
	pthread_exit(unused);
}

static int
ends_c11(void *unused)
{
	(void)unused;
	return 3;
}

static void *
runs(void *unused)
{
	for (;;)
		pause();
	return unused;
}

__attribute__((noinline)) static void
start_running(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, runs, NULL);
	__asm__ volatile("");
}

__attribute__((noinline)) static void
start_forgotten(void)
{
	pthread_t t;

	for (int i = 0; i < 5; i++)
		pthread_create(&t, NULL, i % 2 ? ends : leaves, NULL);
	__asm__ volatile("");
}

__attribute__((noinline)) static int
start_joined(void)
{
	struct timespec far = { .tv_sec = time(NULL) + 1000 };
	struct timespec mono;
	int failed = 0;
	void *mark = &failed;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	mono.tv_sec += 1000;
	for (int i = 0; i < 40; i++) {
		pthread_t t;
		void *value = NULL;
		int e;

		pthread_create(&t, NULL, i % 2 ? ends : leaves, mark);
		switch (i % 4) {
		case 0:
			e = pthread_join(t, &value);
			break;
		case 1:
			e = pthread_timedjoin_np(t, &value, &far);
			break;
		case 2:
			e = pthread_clockjoin_np(t, &value, CLOCK_MONOTONIC,
						 &mono);
			break;
		default:
			while ((e = pthread_tryjoin_np(t, &value)) == EBUSY)
				usleep(100);
		}
		failed |= e != 0 || value != mark;
	}
	return failed;
}

__attribute__((noinline)) static void
start_detached(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 40; i++) {
		pthread_t t;

		switch (i % 3) {
		case 0:
			pthread_create(&t, &attr, ends, NULL);
			break;
		case 1:
			pthread_create(&t, NULL, ends, NULL);
			pthread_detach(t);
			break;
		default:
			pthread_create(&t, NULL, ends, NULL);
			usleep(2000);
			pthread_detach(t);
		}
	}
	pthread_attr_destroy(&attr);
}

__attribute__((noinline)) static int
start_c11(void)
{
	thrd_t t;
	int failed = 0;
	int value;

	for (int i = 0; i < 4; i++) {
		failed |= thrd_create(&t, ends_c11, NULL) != thrd_success;
		if (i < 2)
			failed |= thrd_join(t, &value) != thrd_success ||
				  value != 3;
	}
	return failed;
}

static int
task_count(void)
{
	struct stat st;

	/* Two of a directory's links are its own. */
	return stat("/proc/self/task", &st) == 0 ? (int)st.st_nlink - 2 : 0;
}

int
main(void)
{
	int failed;

	start_running();
	start_forgotten();
	failed = start_joined();
	start_detached();
	failed |= start_c11();
	/* Detached ones are to end: main, three that run and our helper stay. */
	while (task_count() > 5)
		usleep(10000);
	if (failed)
		puts("a join or create failed");
	fflush(stdout);
	return failed;
}
