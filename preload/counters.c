#include "counters.h"

struct lks_counters lks_counters;

void
lks_counters_clear(void)
{
#define X(name)                                                                \
	atomic_store_explicit(&lks_counters.name, 0, memory_order_relaxed);
	LKS_COUNTERS(X)
#undef X
}
