/*
 * The command line of `leakdiff dump`: that of leakdiff (options.h), as far as
 * it has a meaning for the blocks of one file.
 */
#pragma once

#include "options.h"

/* As options_parse; `argv[0]` is "dump". */
enum options_result dump_options_parse(struct settings *settings, int argc,
				       char **argv, struct strbuf *message);

extern const char dump_options_help[];
