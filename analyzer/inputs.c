#include "inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "process.h"
#include "reader.h"
#include "xalloc.h"

/* Files before they are grouped. */
struct files {
	struct input *list;
	size_t count;
	size_t capacity;
	bool any_directory;
	size_t left_out;
};

static struct input *
add_file(struct files *files, char *take_name, bool found)
{
	files->list = xgrow(files->list, &files->capacity, files->count + 1,
			    sizeof(*files->list));
	files->list[files->count] =
		(struct input){ .file = take_name, .found = found };
	return &files->list[files->count++];
}

/* What the shim, pprof and gperftools call their files. */
static bool
is_input_name(const char *name)
{
	static const char *const ends[] = { ".snap",  ".pb.gz", ".pb",
					    ".pprof", ".prof",  ".heap" };
	size_t len = strlen(name);
	size_t i;

	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (name[0] != '.' && len > end &&
		    strcmp(name + len - end, ends[i]) == 0)
			return true;
	}
	return false;
}

static int
sort_names(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->file,
		      ((const struct input *)b)->file);
}

static int
open_directory(struct files *files, const char *path, struct err *err)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t before = files->count;
	struct stat st;

	if (!directory)
		return err_set(err, ERR_OPEN, "cannot open '%s': %s", path,
			       strerror(errno));
	while ((entry = readdir(directory))) {
		struct strbuf name = { 0 };

		if (!is_input_name(entry->d_name))
			continue;
		strbuf_addf(&name, "%s%s%s", path,
			    path[strlen(path) - 1] == '/' ? "" : "/",
			    entry->d_name);
		if (stat(strbuf_text(&name), &st) == 0 && S_ISREG(st.st_mode))
			add_file(files, strbuf_detach(&name), true);
		strbuf_release(&name);
	}
	closedir(directory);
	files->any_directory = true;
	if (files->count == before)
		return err_set(err, ERR_OPEN,
			       "'%s' holds no snapshots or profiles", path);
	/* Warnings come in the order of names, whatever the disk's is. */
	qsort(files->list + before, files->count - before, sizeof(*files->list),
	      sort_names);
	return 0;
}

static int
list_files(struct files *files, const char *const *args, size_t arg_count,
	   struct err *err)
{
	struct stat st;
	size_t i;

	for (i = 0; i < arg_count; i++) {
		if (strcmp(args[i], "-") != 0 && stat(args[i], &st) == 0 &&
		    S_ISDIR(st.st_mode)) {
			if (open_directory(files, args[i], err))
				return -1;
		} else {
			add_file(files, xstrdup(args[i]), false);
		}
	}
	return 0;
}

static void
drop_file(struct files *files, size_t i)
{
	free(files->list[i].file);
	model_free(files->list[i].facts);
	memmove(&files->list[i], &files->list[i + 1],
		(files->count - i - 1) * sizeof(*files->list));
	files->count--;
}

/* Facts of all. What a directory holds that can't be read is not worth losing
 * the rest. */
static int
look_at_all(struct files *files, struct strbuf *warnings, struct err *err)
{
	size_t i = 0;

	while (i < files->count) {
		struct input *input = &files->list[i];

		input->facts = reader_peek(input->file, err);
		if (input->facts) {
			i++;
			continue;
		}
		if (!input->found)
			return -1;
		strbuf_addf(warnings, "%s: left out\n", err->text);
		drop_file(files, i);
		files->left_out++;
	}
	if (files->count == 0)
		return err_set(err, ERR_CORRUPT, "no file can be read");
	return 0;
}

static int
compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* 0: one process, and then only. What tells them apart comes first: clocks may
 * have been set, so the time of the start says nothing of that. */
static int
compare_processes(const struct header *a, const struct header *b)
{
	int order = strcmp(a->host, b->host);

	if (!order)
		order = strcmp(a->boot_id, b->boot_id);
	if (!order)
		order = compare_numbers(a->pid_namespace, b->pid_namespace);
	if (!order)
		order = compare_numbers(a->pid, b->pid);
	if (!order)
		order = compare_numbers(a->start_ticks, b->start_ticks);
	if (!order)
		order = compare_numbers(a->start_monotonic_ns,
					b->start_monotonic_ns);
	if (order || process_same(a, b))
		return order;
	order = strcmp(a->exe, b->exe);
	if (!order)
		order = strcmp(a->exe_build_id, b->exe_build_id);
	return order ? order : strcmp(a->counted, b->counted);
}

static int
compare_moments(const struct header *a, const struct header *b)
{
	int order = compare_numbers(a->monotonic_ns, b->monotonic_ns);

	return order ? order : compare_numbers(a->sequence, b->sequence);
}

static int
sort_inputs(const void *a, const void *b)
{
	const struct input *left = a;
	const struct input *right = b;
	const struct header *p = &left->facts->header;
	const struct header *q = &right->facts->header;
	int order = compare_processes(p, q);

	if (!order)
		order = compare_moments(p, q);
	return order ? order : strcmp(left->file, right->file);
}

/* Of profiles nothing but the time is known, and a copy may have lost that. */
static bool
is_twin(const struct input *a, const struct input *b)
{
	const struct header *p = &a->facts->header;
	const struct header *q = &b->facts->header;

	return a->facts->origin == ORIGIN_SNAPSHOT &&
	       b->facts->origin == ORIGIN_SNAPSHOT &&
	       compare_processes(p, q) == 0 &&
	       p->monotonic_ns == q->monotonic_ns && p->sequence == q->sequence;
}

static void
drop_twins(struct files *files, struct strbuf *warnings)
{
	size_t i = 1;

	while (i < files->count) {
		const struct input *before = &files->list[i - 1];
		const struct input *input = &files->list[i];

		if (!is_twin(before, input)) {
			i++;
			continue;
		}
		strbuf_add_quoted(warnings, input->file);
		strbuf_adds(warnings, " is the same snapshot as ");
		strbuf_add_quoted(warnings, before->file);
		strbuf_adds(warnings, ": left out\n");
		drop_file(files, i);
	}
}

static void
add_group(struct inputs *inputs, struct input *first, size_t count)
{
	struct input_group *group;

	inputs->groups = xrealloc(inputs->groups,
				  (inputs->group_count + 1) * sizeof(*group));
	group = &inputs->groups[inputs->group_count++];
	group->count = count;
	group->inputs = xcalloc(count, sizeof(*group->inputs));
	memcpy(group->inputs, first, count * sizeof(*first));
}

static int
sort_groups(const void *a, const void *b)
{
	const struct input_group *left = a;
	const struct input_group *right = b;
	const struct header *p = &left->inputs[0].facts->header;
	const struct header *q = &right->inputs[0].facts->header;
	int order = compare_numbers(p->start_wall_ns, q->start_wall_ns);

	return order ? order : compare_processes(p, q);
}

static void
group_by_process(struct inputs *inputs, const struct files *files)
{
	size_t begin = 0, i;

	for (i = 1; i <= files->count; i++) {
		if (i < files->count &&
		    compare_processes(&files->list[begin].facts->header,
				      &files->list[i].facts->header) == 0)
			continue;
		add_group(inputs, &files->list[begin], i - begin);
		begin = i;
	}
	if (inputs->groups)
		qsort(inputs->groups, inputs->group_count,
		      sizeof(*inputs->groups), sort_groups);
}

int
inputs_collect(struct inputs *inputs, const char *const *args, size_t arg_count,
	       struct strbuf *warnings, struct err *err)
{
	struct files files = { 0 };
	int result = list_files(&files, args, arg_count, err);

	*inputs = (struct inputs){ 0 };
	if (!files.list) {
		if (result == 0)
			result = err_set(err, ERR_OPEN, "no file was given");
	} else if (result == 0 && files.count <= 2 && !files.any_directory) {
		add_group(inputs, files.list, files.count);
		files.count = 0;
	} else if (result == 0) {
		result = look_at_all(&files, warnings, err);
		if (result == 0) {
			qsort(files.list, files.count, sizeof(*files.list),
			      sort_inputs);
			drop_twins(&files, warnings);
			group_by_process(inputs, &files);
			inputs->left_out = files.left_out;
			files.count = 0;
		}
	}
	/* What is left is not the groups'. */
	while (files.list && files.count)
		drop_file(&files, files.count - 1);
	free(files.list);
	return result;
}

void
inputs_release(struct inputs *inputs)
{
	size_t i, k;

	for (i = 0; i < inputs->group_count; i++) {
		for (k = 0; k < inputs->groups[i].count; k++) {
			free(inputs->groups[i].inputs[k].file);
			model_free(inputs->groups[i].inputs[k].facts);
		}
		free(inputs->groups[i].inputs);
	}
	free(inputs->groups);
	*inputs = (struct inputs){ 0 };
}
