/* A process that waits to be ended, whatever else comes. With an argument it
 * says so by making the file "touched". */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	int fd;

	(void)argv;
	free(malloc(1000));
	if (argc > 1) {
		fd = open("touched", O_WRONLY | O_CREAT, 0600);
		if (fd < 0)
			return 1;
		close(fd);
	}
	for (;;)
		pause();
}
