/* Suppression files, and patterns against names. */
#include "input.h"

#include <stdlib.h>
#include <string.h>

#include "../../analyzer/strbuf.h"
#include "../../analyzer/suppress.h"

/* What is printed of them is such a file again. */
static void
check_print(const struct suppress *suppress)
{
	struct suppress *again = suppress_new();
	struct strbuf text = { 0 };
	struct err err;

	suppress_print(suppress, false, &text);
	if (suppress_parse(again, "printed", strbuf_text(&text), text.len,
			   &err) < 0)
		fuzz_broken("what is printed can be read");
	suppress_free(again);
	strbuf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct suppress *suppress = suppress_new();
	struct err err = { 0 };
	struct strbuf text = { 0 };
	char *name;

	if (suppress_parse(suppress, "input", (const char *)data, len, &err) ==
	    0)
		check_print(suppress);
	else if (err.code == ERR_NONE || !err.text[0] || strchr(err.text, '\n'))
		fuzz_broken("an error is one line");
	suppress_free(suppress);

	/* The first line is a pattern, the rest a name. */
	strbuf_add(&text, data, len);
	name = text.data ? strchr(text.data, '\n') : NULL;
	if (name) {
		*name = '\0';
		suppress_matches(text.data, name + 1);
	}
	strbuf_release(&text);
	return 0;
}
