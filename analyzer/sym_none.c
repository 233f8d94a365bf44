/* The backend of --no-symbols: every name is a fallback. */
#include "sym_backend.h"

static int
none_start(struct err *err)
{
	(void)err;
	return 0;
}

static struct sym_file *
none_open(const struct symbolizer_options *options, const struct module *module,
	  struct strbuf *warning)
{
	(void)options;
	(void)module;
	(void)warning;
	return NULL;
}

const struct sym_backend sym_none = {
	.start = none_start,
	.open = none_open,
};
