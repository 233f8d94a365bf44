/* link: -pthread */
/*
 * The variable that pthread_create writes to lies in a job that the new thread
 * unmaps as soon as it runs: nobody may touch it after that. And the new
 * thread finds its own handle there, as libc promises nobody but does.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define JOBS 3000

struct job {
	pthread_t self;
};

static atomic_int wrong;

static void *
work(void *argument)
{
	struct job *job = argument;

	if (!pthread_equal(job->self, pthread_self()))
		atomic_fetch_add(&wrong, 1);
	pthread_detach(pthread_self());
	munmap(job, sizeof(*job));
	return NULL;
}

int
main(void)
{
	for (int i = 0; i < JOBS; i++) {
		struct job *job = mmap(NULL, sizeof(*job),
				       PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		while (pthread_create(&job->self, NULL, work, job) != 0)
			;
	}
	printf("%d jobs, %d wrong\n", JOBS, wrong);
	pthread_exit(NULL);
}
