/* One block a second, five in all. */
#include <stdlib.h>
#include <unistd.h>

static void *volatile kept[8];

int
main(void)
{
	/* Off the second's edge, which the coarse clock reaches late. */
	usleep(300000);
	for (int i = 0; i < 5; i++) {
		kept[i] = malloc(1000);
		sleep(1);
	}
	return 0;
}
