/*
 * starve N COUNT-FILE OBJECT COMMAND...: runs the command, and from the Nth
 * mmap on that code of OBJECT calls, answers ENOMEM. Calls of everybody else
 * go through. Writes to COUNT-FILE how many there were.
 *
 * The object makes its system calls itself, so no wrapper could stand in
 * between; the kernel hands every mmap to us instead (seccomp's user
 * notification) and says from which instruction it came. Nothing of this is
 * in the object under test.
 *
 * Exit status: the command's, or 128 + its signal; 77 where the kernel
 * refuses, with the reason on standard output; 125 for our own mistakes.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "starve: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* Room for one descriptor beside a message of one byte. */
union passenger {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

static void
send_descriptor(int socket, int fd)
{
	union passenger passenger = { { 0 } };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = fd < 0 ? NULL : passenger.bytes,
		.msg_controllen = fd < 0 ? 0 : sizeof(passenger.bytes),
	};

	if (fd >= 0) {
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	if (sendmsg(socket, &msg, 0) < 0)
		die("sendmsg");
}

/* -1: the other side sent none. */
static int
receive_descriptor(int socket)
{
	union passenger passenger;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = passenger.bytes,
		.msg_controllen = sizeof(passenger.bytes),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) < 0)
		die("recvmsg");
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Every mmap of this process and of its children is reported to the
 * descriptor returned; -1: refused. */
static int
listen_to_mmap(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* True if the address is in a mapping of the object's file. */
static int
belongs_to(pid_t pid, uint64_t address, const char *object)
{
	char path[64], line[4352];
	size_t bytes = strlen(object);
	int found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return 0;
	while (!found && fgets(line, sizeof(line), maps)) {
		uint64_t from, to;
		char *name = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (!name || strncmp(name, object, bytes + 1) != 0)
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2)
			found = address >= from && address < to;
	}
	fclose(maps);
	return found;
}

/* Answers until nobody is left who could ask; returns how often the object
 * asked. */
static unsigned long
serve(int listener, unsigned long fail_from, const char *object)
{
	unsigned long seen = 0;
	struct seccomp_notif ask;
	struct seccomp_notif_resp answer;
	struct pollfd poller = { .fd = listener, .events = POLLIN };

	for (;;) {
		if (poll(&poller, 1, -1) < 0 && errno != EINTR)
			die("poll");
		if (!(poller.revents & POLLIN)) {
			if (poller.revents & (POLLHUP | POLLERR))
				return seen;
			continue;
		}
		memset(&ask, 0, sizeof(ask));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
			continue; /* it died meanwhile */
		memset(&answer, 0, sizeof(answer));
		answer.id = ask.id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (belongs_to((pid_t)ask.pid, ask.data.instruction_pointer,
			       object) &&
		    ++seen >= fail_from) {
			answer.flags = 0;
			answer.error = -ENOMEM;
		}
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

int
main(int argc, char **argv)
{
	int pair[2], listener, status;
	unsigned long seen;
	pid_t child;
	FILE *count;

	if (argc < 5) {
		fprintf(stderr, "starve N COUNT-FILE OBJECT COMMAND...\n");
		return 125;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		listener = listen_to_mmap();
		send_descriptor(pair[1], listener);
		if (listener < 0)
			_exit(77);
		execvp(argv[4], argv + 4);
		die(argv[4]);
	}
	close(pair[1]);
	listener = receive_descriptor(pair[0]);
	if (listener < 0) {
		puts("the kernel refuses seccomp's user notification");
		return 77;
	}
	seen = serve(listener, strtoul(argv[1], NULL, 10), argv[3]);
	if (waitpid(child, &status, 0) < 0)
		die("waitpid");
	count = fopen(argv[2], "we");
	if (!count || fprintf(count, "%lu\n", seen) < 0 || fclose(count) != 0)
		die(argv[2]);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
