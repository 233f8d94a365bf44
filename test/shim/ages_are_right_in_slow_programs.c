/* One block a second, five in all. */
#include <stdlib.h>
#include <unistd.h>

static void *volatile kept[8];

int
main(void)
{
	for (int i = 0; i < 5; i++) {
		kept[i] = malloc(1000);
		sleep(1);
	}
	return 0;
}
