/* link: -pthread */
/*
 * main leaves by pthread_exit while workers go on: the process ends, with
 * status 0 and its atexit handlers run, when the last of them ends.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
says_goodbye(void)
{
	puts("atexit ran");
}

static void *
work(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		free(malloc(100));
		usleep(10000);
	}
	return NULL;
}

int
main(void)
{
	pthread_t t;

	alarm(60); /* a process that never ends must not hang the test */
	atexit(says_goodbye);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, work, NULL);
	pthread_exit(NULL);
}
