/*
 * Leaks COUNT blocks of SIZE bytes, in 32 steps. After each it waits until no
 * snapshot is being written: what grows meanwhile is in none of its own.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a file of /proc begins with; "" if it can't be read. */
static const char *
beginning_of(const char *path)
{
	static char text[512];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	return text;
}

/* A writer is our only child, and a zombie when it has finished. */
static bool
is_writing(void)
{
	long pid = atol(beginning_of("/proc/thread-self/children"));
	const char *state;
	char path[64];

	if (pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	state = strrchr(beginning_of(path), ')');
	return state != NULL && state[2] != 'Z';
}

int
main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[1]) : 32;
	size_t size = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000;

	for (long i = 0; i < count; i++) {
		void *p = malloc(size);

		memset(p, 1, 1);
		if (i % (count / 32) != 0)
			continue;
		/* Where the kernel does not list children: long enough. */
		usleep(30000);
		while (is_writing())
			usleep(1000);
	}
	return 0;
}
