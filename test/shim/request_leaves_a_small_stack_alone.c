/*
 * A request that finds the program on a stack with next to no room, as a
 * coroutine's or a runtime's may be, and an alternate stack installed for
 * signals: that is where it is taken.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "host.h"

/* The shim's, if it is there: plain programs die of the signal. */
__attribute__((weak)) void leakshim_shim_snapshot(void);

#define STACK_BYTES 16384
/* Less than the kernel alone wants for a handler's frame. */
#define ROOM 1024

static ucontext_t caller;
static ucontext_t coroutine;
static char *stack;
static volatile int done;

static void
ask(void)
{
	volatile char here;
	volatile char *taken;
	/* Bound before: the loader's way to a function takes kilobytes. */
	const long self = syscall(SYS_getpid);

	/* Down to the last bytes. */
	taken = __builtin_alloca((size_t)(&here - stack) - ROOM);
	taken[0] = 1;
	if (leakshim_shim_snapshot != NULL)
		syscall(SYS_tgkill, self, self, SIGUSR2);
	done = 1;
}

int
main(void)
{
	char *memory = mmap(NULL, 2 * STACK_BYTES, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t alternate = { .ss_size = 1 << 17 };

	alternate.ss_sp = malloc(alternate.ss_size);
	sigaltstack(&alternate, NULL);
	stack = memory + STACK_BYTES;
	mprotect(stack, STACK_BYTES, PROT_READ | PROT_WRITE);
	getcontext(&coroutine);
	coroutine.uc_stack.ss_sp = stack;
	coroutine.uc_stack.ss_size = STACK_BYTES;
	coroutine.uc_link = &caller;
	makecontext(&coroutine, ask, 0);
	swapcontext(&caller, &coroutine);
	CHECK(done);
	/* Else the request and the end would have one file. */
	while (leakshim_shim_snapshot != NULL && access("1.snap", F_OK) != 0)
		usleep(1000);
	for (int i = 0; i < 100; i++)
		free(use(malloc(100)));
	return failed;
}
