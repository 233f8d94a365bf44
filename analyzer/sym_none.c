/* The backend of --no-symbols: every name is a fallback. */
#include "sym_backend.h"

static int
none_start(const struct symbolizer_options *options, struct sym_source **source,
	   struct err *err)
{
	(void)options;
	(void)err;
	*source = NULL;
	return 0;
}

static struct sym_file *
none_open(struct sym_source *source, const struct module *module,
	  struct sym_warnings *warnings)
{
	(void)source;
	(void)module;
	(void)warnings;
	return NULL;
}

const struct sym_backend sym_none = {
	.start = none_start,
	.open = none_open,
};
