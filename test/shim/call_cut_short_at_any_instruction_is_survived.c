/* cflags: -mno-red-zone */
/* full: every 19th instruction, not every 120th or so */
/*
 * A handler of the program's own that interrupts the shim in the middle of a
 * call and never comes back to it: it ends the process by _exit, or jumps out
 * by siglongjmp. PROG exit|jump STEP now|deferred|new: at the STEPth instruction
 * of the shim in a malloc, a realloc and a free, of a call stack that it knows
 * or of a new one. Nothing of the C library's is interrupted, whose heap would
 * not survive it either.
 *
 * If there are not so many, prints how many there are.
 */
#if !defined(__x86_64__)
#include <stdio.h>

int
main(void)
{
	puts("single steps are x86-64's here");
	return 77;
}
#else
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "singlestep.h"

#define KEPT 2000
#define LATER 20000

static sigjmp_buf before;
static void *kept[KEPT];
static void *later[LATER];

/* A filter that would kill for it: the shim records at once then, in whichever
 * thread, as it does where several threads allocate. */
static int
forbid_membarrier(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0;
}

NOINLINE static void
keep(void)
{
	for (int i = 0; i < KEPT; i++)
		kept[i] = use(malloc(40));
}

NOINLINE static void
keep_later(void)
{
	for (int i = 0; i < LATER; i++)
		later[i] = use(malloc(24));
}

NOINLINE static void
call(void)
{
	void *p = use(malloc(100));

	p = use(realloc(p, 3000));
	free(p);
}

/* The last round in steps. */
NOINLINE static void
call_often(int rounds)
{
	for (int i = 1; i <= rounds; i++) {
		begin_steps(i == rounds);
		call();
	}
	end_steps();
}

static void
leave(void)
{
	_exit(0);
}

static void
jump(void)
{
	siglongjmp(before, 1);
}

int
main(int argc, char **argv)
{
	int jumps = argc == 4 && strcmp(argv[1], "jump") == 0;

	if (argc != 4)
		return 2;
	if (strcmp(argv[3], "deferred") != 0 && forbid_membarrier()) {
		puts("no seccomp filters here");
		return 77;
	}
	keep();
	prepare_steps(atol(argv[2]), jumps ? jump : leave);
	if (sigsetjmp(before, 1) == 0) {
		call_often(strcmp(argv[3], "new") == 0 ? 1 : 200);
		printf("%ld\n", atol(argv[2]) - steps_left);
		return 0;
	}
	keep_later();
	return 0;
}
#endif
