#include "trim.h"

#include <dlfcn.h>
#include <stdatomic.h>

#include "helper.h"

static int (*trim)(size_t pad); /* NULL: this libc has none */
static _Atomic bool asked;

void
lks_trim_init(void)
{
	*(void **)&trim = dlsym(RTLD_DEFAULT, "malloc_trim");
}

void
lks_trim_ask(void)
{
	if (lks_helper_tid() != 0)
		atomic_store_explicit(&asked, true, memory_order_relaxed);
}

void
lks_trim_do(void)
{
	if (atomic_exchange_explicit(&asked, false, memory_order_relaxed) &&
	    trim != NULL)
		trim(0);
}
