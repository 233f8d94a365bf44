/*
 * host_ring PID SIGNAL OPERATION TOKEN: rings the bell of a tracked process,
 * as proto/status.h says, with nothing of the companion's caution.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../proto/status.h"

int
main(int argc, char **argv)
{
	union sigval value;

	if (argc != 5)
		return 2;
	value.sival_ptr = (void *)(uintptr_t)lks_bell_word(
		(enum lks_bell)atoi(argv[3]), (uint32_t)atoi(argv[4]));
	if (sigqueue(atoi(argv[1]), atoi(argv[2]), value) < 0) {
		perror("sigqueue");
		return 1;
	}
	return 0;
}
