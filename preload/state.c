#include "state.h"

#include <sys/mman.h>

#include "sys.h"

struct lks_state_page lks_state_page;

/* Outside the wiped page: a child still knows why. */
static const char *_Atomic reason;

void
lks_state_init(void)
{
	/* Linux 4.14. Without it a child of _Fork records into its copy of our
	 * tables as if nothing had happened; only its held locks can hurt, and
	 * locks give up. */
	lks_sys3(SYS_madvise, &lks_state_page, sizeof(lks_state_page),
		 MADV_WIPEONFORK);
}

void
lks_state_set(enum lks_state state)
{
	if (state == LKS_ON && lks_state_reason() != NULL)
		return;
	lks_state_page.state = (uint32_t)state;
}

void
lks_state_disable(const char *why)
{
	const char *none = NULL;

	atomic_compare_exchange_strong_explicit(&reason, &none, why,
						memory_order_relaxed,
						memory_order_relaxed);
	lks_state_page.state = LKS_OFF;
}

const char *
lks_state_reason(void)
{
	return atomic_load_explicit(&reason, memory_order_relaxed);
}
