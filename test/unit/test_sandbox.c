#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../preload/sandbox.h"

#define ALL 511u
#define NUMBER offsetof(struct seccomp_data, nr)
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8u * (i))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, value)
#define KILL RETURN(SECCOMP_RET_KILL_THREAD)
#define ALLOW RETURN(SECCOMP_RET_ALLOW)

static uint32_t
ask(struct sock_filter *code, size_t count)
{
	struct sock_fprog filter = { (unsigned short)count, code };

	return lks_sandbox_ask(&filter, false);
}

#define ASK(...)                                                               \
	ask((struct sock_filter[]){ __VA_ARGS__ },                             \
	    sizeof((struct sock_filter[]){ __VA_ARGS__ }) /                    \
		    sizeof(struct sock_filter))

static void
actions_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(ASK(ALLOW), 0);
	assert_int_equal(ASK(RETURN(SECCOMP_RET_ERRNO | 1)), 0);
	assert_int_equal(ASK(KILL), ALL);
	assert_int_equal(ASK(RETURN(SECCOMP_RET_TRAP | 5)), ALL);
	assert_int_equal(ASK(RETURN(0x80000000u)), ALL);
	assert_int_equal(ASK(RETURN(0x7fc00000u)), ALL);
	assert_int_equal(ASK(RETURN(0x7ff00000u)), ALL); /* a tracer's */
}

static void
each_call_belongs_to_a_need(void **state)
{
	(void)state;
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_clone, 0, 1), KILL, ALLOW),
			 LKS_NEED_CLONE);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_openat, 0, 1), KILL, ALLOW),
			 LKS_NEED_WRITE);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_mmap, 0, 1), KILL, ALLOW),
			 LKS_NEED_RECORD | LKS_NEED_WRITE);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_sched_yield, 0, 1), KILL,
			     ALLOW),
			 LKS_NEED_YIELD);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_process_vm_readv, 0, 1), KILL,
			     ALLOW),
			 LKS_NEED_PEEK);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_membarrier, 0, 1), KILL,
			     ALLOW),
			 LKS_NEED_BARRIER);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_mremap, 0, 1), KILL, ALLOW),
			 LKS_NEED_RESIZE);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_fchmodat, 0, 1), KILL, ALLOW),
			 LKS_NEED_MODE);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_sigaltstack, 0, 1), KILL,
			     ALLOW),
			 LKS_NEED_SIGSTACK);
	assert_int_equal(ASK(LOAD(NUMBER), IF(SYS_execve, 0, 1), KILL, ALLOW),
			 0);
}

static void
arguments_are_looked_at(void **state)
{
	(void)state;
	/* Opening to read is allowed, to write it is not. */
	assert_int_equal(
		ASK(LOAD(NUMBER), IF(SYS_openat, 0, 3), LOAD(ARGUMENT(2)),
		    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_ACCMODE, 0, 1), KILL,
		    ALLOW),
		LKS_NEED_WRITE);
	assert_int_equal(
		ASK(LOAD(NUMBER), IF(SYS_openat, 0, 3), LOAD(ARGUMENT(2)),
		    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_DIRECT, 0, 1), KILL,
		    ALLOW),
		0);
}

static void
what_cannot_be_read_forbids_nothing(void **state)
{
	struct sock_fprog nowhere = { 4, (void *)8 };
	struct sock_fprog empty = { 0, NULL };

	(void)state;
	assert_int_equal(lks_sandbox_ask(NULL, false), 0);
	assert_int_equal(lks_sandbox_ask((void *)16, false), 0);
	assert_int_equal(lks_sandbox_ask(&nowhere, false), 0);
	assert_int_equal(lks_sandbox_ask(&empty, false), 0);
	assert_int_equal(lks_sandbox_ask(NULL, true), ALL);
}

/* xorshift */
static uint64_t random_word = 88172645463325252u;

static uint32_t
draw(uint32_t below)
{
	random_word ^= random_word << 13;
	random_word ^= random_word >> 7;
	random_word ^= random_word << 17;
	return (uint32_t)(random_word >> 20) % below;
}

/* Straight code of every kind over the call's number, kill if the outcome has
 * a bit that is drawn. */
static size_t
draw_filter(struct sock_filter *code)
{
	static const uint16_t alu[] = { BPF_ADD, BPF_SUB, BPF_MUL,
					BPF_DIV, BPF_OR,  BPF_AND,
					BPF_XOR, BPF_LSH, BPF_RSH };
	static const uint16_t jumps[] = { BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET };
	size_t count = 0;

	code[count++] = (struct sock_filter)LOAD(NUMBER);
	code[count++] = (struct sock_filter)BPF_STMT(BPF_ST, 3);
	code[count++] =
		(struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 1 + draw(20));
	for (int i = 0; i < 20; i++) {
		uint16_t op = alu[draw(9)];
		uint32_t k = op == BPF_LSH || op == BPF_RSH ? draw(32)
							    : 1 + draw(300);

		switch (draw(6)) {
		case 0:
			code[count++] = (struct sock_filter)BPF_STMT(
				BPF_ALU | BPF_X |
					(op == BPF_LSH || op == BPF_RSH
						 ? BPF_ADD
						 : op),
				0);
			break;
		case 1:
			code[count++] = (struct sock_filter)BPF_STMT(
				BPF_LD | BPF_MEM, 3);
			break;
		case 2:
			code[count++] = (struct sock_filter)BPF_JUMP(
				(uint16_t)(BPF_JMP | jumps[draw(4)] |
					   (draw(2) ? BPF_K : BPF_X)),
				draw(400), 1, 0);
			code[count++] = (struct sock_filter)BPF_STMT(
				BPF_ALU | BPF_NEG, 0);
			break;
		case 3:
			code[count++] = (struct sock_filter)BPF_STMT(
				BPF_MISC | BPF_TXA, 0);
			code[count++] = (struct sock_filter)BPF_STMT(
				BPF_ALU | BPF_ADD | BPF_K, draw(100));
			break;
		default:
			code[count++] = (struct sock_filter)BPF_STMT(
				(uint16_t)(BPF_ALU | BPF_K | op), k);
		}
	}
	code[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K,
						     1u << draw(6), 0, 1);
	code[count++] = (struct sock_filter)KILL;
	code[count++] = (struct sock_filter)ALLOW;
	return count;
}

/* Exit status 0: the kernel lets it yield; else it is killed; 3: no filters
 * here. The way out must be allowed for that. */
static int
kernel_lets_yield(const struct sock_filter *code, size_t count)
{
	struct sock_filter with_exit[80] = {
		LOAD(NUMBER),
		IF(SYS_exit_group, 0, 1),
		ALLOW,
	};
	struct sock_fprog filter = { (unsigned short)(count + 3), with_exit };
	int status = 0;
	pid_t pid;

	memcpy(with_exit + 3, code, count * sizeof(*code));
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
			_exit(3);
		syscall(SYS_sched_yield);
		syscall(SYS_nanosleep, NULL, NULL);
		syscall(SYS_exit_group, 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void
the_kernel_says_the_same(void **state)
{
	struct sock_filter code[72];
	int killed = 0;

	(void)state;
	for (int i = 0; i < 300; i++) {
		size_t count = draw_filter(code);
		int kernel = kernel_lets_yield(code, count);
		bool forbidden = (ask(code, count) & LKS_NEED_YIELD) != 0;

		if (kernel == 3)
			skip();
		assert_int_equal(kernel != 0, forbidden);
		killed += forbidden;
	}
	/* Of both kinds there were many. */
	assert_in_range(killed, 30, 270);
}

static void
notes_add_up_and_are_undone(void **state)
{
	struct sock_filter no_clone[] = { LOAD(NUMBER), IF(SYS_clone, 0, 1),
					  KILL, ALLOW };
	struct sock_filter no_mmap[] = { LOAD(NUMBER), IF(SYS_mmap, 0, 1), KILL,
					 ALLOW };
	struct sock_fprog first = { 4, no_clone };
	struct sock_fprog second = { 4, no_mmap };
	struct lks_sandbox_noted one, two, three;

	(void)state;
	assert_false(lks_sandbox_forbids(LKS_NEED_CLONE));
	one = lks_sandbox_note(&first, false, false);
	assert_true(lks_sandbox_forbids(LKS_NEED_CLONE));
	assert_false(lks_sandbox_forbids(LKS_NEED_WRITE));
	two = lks_sandbox_note(&second, false, true);
	assert_true(lks_sandbox_forbids(LKS_NEED_RECORD));
	lks_sandbox_undo(&two);
	assert_false(lks_sandbox_forbids(LKS_NEED_RECORD));
	assert_true(lks_sandbox_forbids(LKS_NEED_CLONE));
	/* A helper from before has none of it, one that was made after has. */
	lks_sandbox_is_helper(true);
	assert_false(lks_sandbox_forbids(LKS_NEED_CLONE));
	lks_sandbox_helper_made();
	assert_true(lks_sandbox_forbids(LKS_NEED_CLONE));
	lks_sandbox_is_helper(false);
	/* Another thread noted its own before the first was refused. */
	three = lks_sandbox_note(&first, false, false);
	lks_sandbox_undo(&one);
	assert_true(lks_sandbox_forbids(LKS_NEED_CLONE));
	lks_sandbox_undo(&three);
	lks_sandbox_undo(&one);
	assert_false(lks_sandbox_forbids(LKS_NEED_CLONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions_are_told_apart),
		cmocka_unit_test(each_call_belongs_to_a_need),
		cmocka_unit_test(arguments_are_looked_at),
		cmocka_unit_test(what_cannot_be_read_forbids_nothing),
		cmocka_unit_test(the_kernel_says_the_same),
		cmocka_unit_test(notes_add_up_and_are_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
