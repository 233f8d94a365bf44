/* leakshim monitor --pmap: all mappings, once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analyzer/output.h"
#include "cmd.h"
#include "cmd_monitor.h"
#include "pmap.h"
#include "procfs_names.h"
#include "target.h"

static void
add_pmap(struct strbuf *text, const struct pmap *pmap, enum monitor_form form,
	 bool first)
{
	json_t *object;
	char *line;

	switch (form) {
	case MONITOR_TEXT:
		if (!first)
			strbuf_addc(text, '\n');
		pmap_text(text, pmap);
		break;
	case MONITOR_CSV:
		if (first)
			pmap_csv_header(text);
		pmap_csv(text, pmap);
		break;
	case MONITOR_JSON:
		object = pmap_json(pmap);
		line = json_dumps(object, JSON_COMPACT);
		strbuf_adds(text, line ? line : "null");
		strbuf_addc(text, '\n');
		free(line);
		json_decref(object);
		break;
	}
}

static int
take_pmap(struct strbuf *text, pid_t pid, enum monitor_form form,
	  struct err *err)
{
	struct procfs_names names = { 0 };
	struct target target;
	struct pmap pmap;
	int result = -1;

	if (target_open(&target, pid, err) < 0)
		return -1;
	if (procfs_names(&target.proc, &names) == 0)
		result = pmap_take(&pmap, &target.proc, names.comm);
	if (result < 0) {
		err_set(err, ERR_TARGET,
			"cannot read the mappings of process "
			"%d: %s",
			(int)pid, strerror(errno));
	} else {
		add_pmap(text, &pmap, form, text->len == 0);
		if (pmap.moved)
			cmd_tell(
				"process %d, or one that shares its pages, moved "
				"while it was read: the totals are the sums of "
				"the rows",
				(int)pid);
		pmap_release(&pmap);
	}
	procfs_names_release(&names);
	target_close(&target);
	return result;
}

int
cmd_monitor_pmap(const struct cmd_monitor_request *request,
		 const struct pick *pick)
{
	struct strbuf text = { 0 };
	struct output *output;
	int status = CMD_OK;
	struct err err;
	size_t i;

	for (i = 0; i < pick->count; i++)
		if (take_pmap(&text, pick->pids[i], request->form, &err) < 0)
			status = cmd_fail(&err);
	if (text.len) {
		output = output_open(request->output, &err);
		if (output)
			fwrite(text.data, 1, text.len, output_stream(output));
		if (!output || output_commit(output, &err) < 0)
			status = cmd_fail(&err);
	}
	strbuf_release(&text);
	return status;
}
