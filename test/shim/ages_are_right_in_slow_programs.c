/* One block a second, five in all; says in which second of its life it made each. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void *volatile kept[8];

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int
main(void)
{
	double began = now(), born[5];

	/* Off the second's edge, which the coarse clock reaches late. */
	usleep(300000);
	for (int i = 0; i < 5; i++) {
		born[i] = now() - began;
		kept[i] = malloc(1000);
		sleep(1);
	}
	/* stdio would allocate before. */
	for (int i = 0; i < 5; i++)
		printf("%.0f\n", born[i] - 0.5);
	return 0;
}
