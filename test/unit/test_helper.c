/* Our thread, in a program that is not interposed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../preload/arena.h"
#include "../../preload/helper.h"
#include "../../preload/status.h"
#include "../../preload/tls.h"
#include "preload_env.h"

/* What it runs on would else be the program's direct mmap in the ledger. */
static void
helper_runs_on_memory_of_ours(void **state)
{
	uint64_t before;

	(void)state;
	preload_env_boot("");
	before = lks_arena_bytes();
	lks_tls.guard = LKS_GUARD_OWN;
	lks_helper_ensure();
	lks_tls.guard = LKS_GUARD_DOWN;
	for (int i = 0; i < 6000 && lks_helper_tid() == 0; i++)
		usleep(10000);
	assert_int_not_equal(lks_helper_tid(), 0);
	assert_true(lks_arena_bytes() >= before + (256 << 10));
	lks_status_remove();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helper_runs_on_memory_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
