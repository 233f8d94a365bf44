#include "stack.h"

#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "xalloc.h"

/* Stand for stacks that are not known. */
static const struct symbol unknown_stack = {
	.function = "[unknown call stack]",
	.linkage_name = "[unknown call stack]",
};
static const struct symbol overflow_stacks = {
	.function = "[call stacks beyond the memory cap]",
	.linkage_name = "[call stacks beyond the memory cap]",
};

static struct stack_frame *
add_frame(struct stack *stack)
{
	stack->frames = xgrow(stack->frames, &stack->capacity, stack->count + 1,
			      sizeof(*stack->frames));
	return &stack->frames[stack->count++];
}

static void
add_symbols(struct stack *stack, const struct symbols *symbols,
	    const struct module *module)
{
	size_t i;

	for (i = 0; i < symbols->count; i++) {
		struct stack_frame *frame = add_frame(stack);

		frame->symbol = &symbols->entries[i];
		frame->module = module;
		frame->inlined = i + 1 < symbols->count;
		frame->named = symbols->named;
	}
}

/* Cuts what is nobody's interest, and finds the frame to blame. */
static void
cut(struct stack *stack, const struct blame *blame, enum row_kind kind)
{
	size_t cut_count;
	size_t i;

	stack->names = xgrow(stack->names, &stack->names_capacity, stack->count,
			     sizeof(*stack->names));
	for (i = 0; i < stack->count; i++) {
		const char *path = stack->frames[i].module->path;

		stack->names[i].function = stack->frames[i].symbol->function;
		stack->names[i].module = *path ? path_base(path) : NULL;
	}
	if (kind == ROW_THREAD) {
		cut_count = blame_thread_cut(blame, stack->names, stack->count);
		stack->blamed = blame_thread(blame, stack->names, stack->count);
	} else {
		cut_count = blame_cut(blame, stack->names, stack->count);
		stack->blamed = blame_heap(blame, stack->names, stack->count);
	}
	stack->count -= cut_count;
	stack->blamed -= cut_count;
	memmove(stack->frames, stack->frames + cut_count,
		stack->count * sizeof(*stack->frames));
}

void
stack_resolve_node(struct stack *stack, struct resolver *resolver,
		   enum row_kind kind, struct node_id node, uint32_t flags)
{
	const struct model *model = resolver_model(resolver);

	stack->count = 0;
	stack->blamed = 0;
	stack->truncated = (flags & SITE_TRUNCATED) != 0;
	stack->unasked = !resolver_asks(resolver);
	if (flags & SITE_OVERFLOW || !node.id) {
		struct stack_frame *frame = add_frame(stack);

		frame->symbol = flags & SITE_OVERFLOW ? &overflow_stacks
						      : &unknown_stack;
		frame->module = &model->modules[0];
		frame->inlined = false;
		frame->named = true;
		return;
	}
	for (; node.id; node = model_node(model, node)->parent) {
		struct pc_id pc = model_node(model, node)->pc;

		add_symbols(stack, resolver_symbols(resolver, pc),
			    model_module(model, model_pc(model, pc)->module));
	}
	cut(stack, resolver_blame(resolver), kind);
}

void
stack_resolve(struct stack *stack, struct resolver *resolver,
	      const struct row *row)
{
	stack_resolve_node(stack, resolver, row->kind, row->node, row->flags);
}

struct stack_extent
stack_from_blamed(const struct stack *stack)
{
	struct stack_extent extent = { 0 };
	size_t i;

	for (i = stack->blamed; i < stack->count; i++) {
		if (extent.addresses == 0)
			extent.lines++;
		extent.addresses += !stack->frames[i].inlined;
	}
	return extent;
}

void
stack_release(struct stack *stack)
{
	free(stack->frames);
	free(stack->names);
	memset(stack, 0, sizeof(*stack));
}
