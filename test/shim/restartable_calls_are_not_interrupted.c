/* link: -pthread */
/*
 * A request that comes while the program sits in a system call: the calls that
 * the kernel can restart go on as if nothing had been. Those that it never
 * restarts (signal(7)) may end with EINTR, as leakshim(7) says: what they do is
 * not asked here. The process that sends the requests also lets the calls end.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define REQUESTS 3

struct shared {
	sem_t go;
	sem_t posted;
};

static struct shared *shared;
static int asked; /* by the .sh: plain programs die of SIGUSR2 */

static void
request_and(void (*release)(int fd), int fd)
{
	pid_t host = getpid();

	fflush(stdout);
	if (fork() != 0)
		return;
	/* Ours is the only thread of the child. */
	sem_wait(&shared->go);
	for (int i = 0; i < REQUESTS; i++) {
		usleep(20000);
		if (asked)
			kill(host, SIGUSR2);
	}
	usleep(20000);
	release(fd);
	_exit(7);
}

static void
tell(const char *call, long result)
{
	printf("%s: %ld %s\n", call, result, result < 0 ? strerror(errno) : "");
}

static void
write_a_byte(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

static void
make_room(int fd)
{
	static char bytes[4096];

	if (read(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		_exit(1);
}

static void
end_only(int unused)
{
	(void)unused;
}

static void
post(int unused)
{
	(void)unused;
	sem_post(&shared->posted);
}

static void
unlock(int fd)
{
	flock(fd, LOCK_UN);
}

static void
be_reaped(void)
{
	int status = 0;

	while (waitpid(-1, &status, 0) > 0)
		;
}

static void
of_pipe(void)
{
	static const char bytes[1 << 20];
	char byte;
	int fd[2];

	if (pipe(fd) != 0)
		return;
	request_and(write_a_byte, fd[1]);
	sem_post(&shared->go);
	tell("read", read(fd[0], &byte, 1));
	be_reaped();
	/* Full: not even a part of what comes now goes in. */
	for (int left = fcntl(fd[1], F_GETPIPE_SZ); left > 0;)
		left -= (int)write(fd[1], bytes, (size_t)left);
	request_and(make_room, fd[0]);
	sem_post(&shared->go);
	tell("write", write(fd[1], bytes, 1));
	close(fd[1]);
	be_reaped();
	close(fd[0]);
}

static void
of_socket(void)
{
	char byte;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) != 0)
		return;
	request_and(write_a_byte, fd[1]);
	sem_post(&shared->go);
	tell("recv", recv(fd[0], &byte, 1, 0));
	be_reaped();
}

static void
of_child(void)
{
	int status = 0;

	request_and(end_only, 0);
	sem_post(&shared->go);
	tell("waitpid", waitpid(-1, &status, 0) > 0);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void
of_semaphore(void)
{
	request_and(post, 0);
	sem_post(&shared->go);
	tell("sem_wait", sem_wait(&shared->posted));
	be_reaped();
}

static void
of_lock(void)
{
	char path[] = "lock.XXXXXX";
	int mine = mkstemp(path);
	int other = open(path, O_RDWR);

	unlink(path);
	flock(other, LOCK_EX);
	request_and(unlock, other);
	sem_post(&shared->go);
	tell("flock", flock(mine, LOCK_EX));
	be_reaped();
}

int
main(int argc, char **argv)
{
	(void)argv;
	asked = argc > 1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_init(&shared->go, 1, 0);
	sem_init(&shared->posted, 1, 0);
	of_pipe();
	of_socket();
	of_child();
	of_semaphore();
	of_lock();
	return failed;
}
