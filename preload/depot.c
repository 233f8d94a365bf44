/*
 * Nodes are found by hash of (parent, code), in chains; the stacks of a node
 * by the node's number. Records live in pages of a directory, published by an
 * atomic number; a chain is published by its head. A chain only ever gets new
 * heads, so a reader that started from an older head sees an older but whole
 * chain.
 */
#include "depot.h"

#include <stdatomic.h>

#include "arena.h"
#include "counters.h"

/* Mapped whole, touched where used; chains of a million nodes are two long. */
#define BUCKETS (1u << 19)

#define PAGE_SHIFT 12
#define PAGE_RECORDS (1u << PAGE_SHIFT)
#define PAGES ((LKS_NODES_MAX >> PAGE_SHIFT) + 1)

struct node {
	_Atomic uint64_t code; /* written last; 0: not complete */
	uint32_t parent;
	_Atomic uint32_t next; /* chain; written before it is published */
};

/* The heads are apart, so that a search reads 16 bytes a node. */
struct node_page {
	struct node nodes[PAGE_RECORDS];
	_Atomic uint32_t stacks[PAGE_RECORDS]; /* chain: complete, truncated */
};

/* Of a stack's name: the node's number, and one or none of these. */
#define TRUNCATED (1u << 24)
#define OVERFLOW (1u << 25)
#define NODE_MASK (TRUNCATED - 1)

struct stack {
	_Atomic uint32_t name; /* 0 until complete, and if wasted */
	uint32_t next;
};

struct stack_page {
	struct stack stacks[PAGE_RECORDS];
};

_Static_assert(sizeof(struct node) == 16, "a million stacks within 64 MB");
_Static_assert(sizeof(struct stack) == 8, "a million stacks within 64 MB");
_Static_assert(LKS_NODES_MAX < TRUNCATED, "a node's number fits its field");

static _Atomic uint32_t *buckets;
static struct stack_page *_Atomic stack_pages[PAGES];
static struct node_page *_Atomic node_pages[PAGES];
static _Atomic uint32_t stack_count;
static _Atomic uint32_t node_count;
/* Numbers ran out, or memory did: nothing is added any more. */
static _Atomic bool full;

static inline struct node *
node_at(uint32_t id)
{
	/* acquire: pairs with the release of the page in reserve */
	struct node_page *page = atomic_load_explicit(
		&node_pages[id >> PAGE_SHIFT], memory_order_acquire);

	return &page->nodes[id & (PAGE_RECORDS - 1)];
}

/* The node exists, hence its page. */
static inline _Atomic uint32_t *
stacks_of(uint32_t id)
{
	/* acquire: as node_at */
	struct node_page *page = atomic_load_explicit(
		&node_pages[id >> PAGE_SHIFT], memory_order_acquire);

	return &page->stacks[id & (PAGE_RECORDS - 1)];
}

static inline struct stack *
stack_at(uint32_t id)
{
	/* acquire: as node_at */
	struct stack_page *page = atomic_load_explicit(
		&stack_pages[id >> PAGE_SHIFT], memory_order_acquire);

	return &page->stacks[id & (PAGE_RECORDS - 1)];
}

/*
 * The next number and its page. 0: none left. The page is made before the
 * number is taken, so that every number in use has one.
 */
static uint32_t
reserve(_Atomic uint32_t *count, void *_Atomic *pages, size_t page_bytes,
	uint32_t max)
{
	uint32_t last = atomic_load_explicit(count, memory_order_relaxed);

	for (;;) {
		uint32_t id = last + 1;
		void *_Atomic *slot = &pages[id >> PAGE_SHIFT];

		if (id > max)
			return 0;
		if (atomic_load_explicit(slot, memory_order_acquire) == NULL) {
			void *page = lks_arena_map(page_bytes);
			void *none = NULL;

			if (page == NULL)
				return 0;
			/* release: pairs with node_at and stack_at */
			if (!atomic_compare_exchange_strong_explicit(
				    slot, &none, page, memory_order_release,
				    memory_order_relaxed))
				lks_arena_release(page, page_bytes);
		}
		if (atomic_compare_exchange_weak_explicit(count, &last, id,
							  memory_order_acq_rel,
							  memory_order_relaxed))
			return id;
	}
}

bool
lks_depot_init(void)
{
	buckets = lks_arena_reserve(BUCKETS * sizeof(*buckets));
	if (buckets == NULL ||
	    reserve(&stack_count, (void *_Atomic *)stack_pages,
		    sizeof(struct stack_page),
		    LKS_STACKS_MAX) != LKS_OVERFLOW_STACK)
		return false;
	atomic_store_explicit(&stack_at(LKS_OVERFLOW_STACK)->name, OVERFLOW,
			      memory_order_relaxed);
	return true;
}

/*
 * A parent's children are spread over the SPREAD buckets from twice its own
 * number on: two buckets a node, so chains are short. Frames that are met
 * together were met together before and have numbers close by, so a program's
 * working set is some pages of the buckets; spread over all of them, this was
 * the one costly miss of a changed frame (140 ns a frame in cc1plus, 45 now). A
 * larger spread costs pages again, a smaller one chains where a frame calls
 * from hundreds of places.
 */
#define SPREAD_BITS 7

static inline uint32_t
bucket_of(uint32_t parent, uint64_t code)
{
	uint64_t h = code * 0x9e3779b97f4a7c15u;

	return (parent * 2 + (uint32_t)(h >> (64 - SPREAD_BITS))) % BUCKETS;
}

static inline uint64_t
code_of(struct node *n)
{
	return atomic_load_explicit(&n->code, memory_order_relaxed);
}

static bool
is_full(void)
{
	return atomic_load_explicit(&full, memory_order_relaxed);
}

static LKS_NOINLINE uint32_t
add_node(uint32_t parent, uint64_t code, _Atomic uint32_t *bucket,
	 uint32_t head)
{
	uint32_t seen = head; /* the chain from here on was searched */
	uint32_t mine =
		is_full() ? 0
			  : reserve(&node_count, (void *_Atomic *)node_pages,
				    sizeof(struct node_page), LKS_NODES_MAX);
	struct node *n;

	if (mine == 0) {
		atomic_store_explicit(&full, true, memory_order_relaxed);
		return 0;
	}
	n = node_at(mine);
	n->parent = parent;
	/* release: pairs with lks_depot_get_node */
	atomic_store_explicit(&n->code, code, memory_order_release);
	atomic_store_explicit(&n->next, head, memory_order_relaxed);
	/* release: the node is complete before it can be found */
	while (!atomic_compare_exchange_strong_explicit(bucket, &head, mine,
							memory_order_acq_rel,
							memory_order_acquire)) {
		for (uint32_t id = head; id != seen;) {
			struct node *other = node_at(id);

			/* Another thread was first: ours is wasted. */
			if (code_of(other) == code && other->parent == parent)
				return id;
			id = atomic_load_explicit(&other->next,
						  memory_order_relaxed);
		}
		seen = head;
		atomic_store_explicit(&n->next, head, memory_order_relaxed);
	}
	return mine;
}

uint32_t
lks_depot_child(uint32_t parent, uint64_t code)
{
	_Atomic uint32_t *bucket = &buckets[bucket_of(parent, code)];
	/* acquire: pairs with the publishing exchange in add_node */
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);

	for (uint32_t id = head; id != 0;) {
		struct node *n = node_at(id);

		if (lks_likely(code_of(n) == code && n->parent == parent))
			return id;
		id = atomic_load_explicit(&n->next, memory_order_relaxed);
	}
	return add_node(parent, code, bucket, head);
}

static LKS_NOINLINE struct lks_stack
add_stack(uint32_t name, _Atomic uint32_t *chain, uint32_t head)
{
	uint32_t mine =
		is_full() ? 0
			  : reserve(&stack_count, (void *_Atomic *)stack_pages,
				    sizeof(struct stack_page), LKS_STACKS_MAX);
	struct stack *s;

	if (mine == 0) {
		atomic_store_explicit(&full, true, memory_order_relaxed);
		return lks_depot_overflow();
	}
	s = stack_at(mine);
	s->next = head;
	/* release: pairs with lks_depot_get_stack */
	atomic_store_explicit(&s->name, name, memory_order_release);
	/* release: the stack is complete before it can be found */
	while (!atomic_compare_exchange_strong_explicit(chain, &head, mine,
							memory_order_acq_rel,
							memory_order_acquire)) {
		/* At most two names, so at most one other was added. */
		for (uint32_t id = head; id != 0; id = stack_at(id)->next)
			if (atomic_load_explicit(&stack_at(id)->name,
						 memory_order_relaxed) ==
			    name) {
				/* Another thread was first: ours is wasted. */
				atomic_store_explicit(&s->name, 0,
						      memory_order_relaxed);
				return (struct lks_stack){ id };
			}
		s->next = head;
	}
	return (struct lks_stack){ mine };
}

struct lks_stack
lks_depot_stack(uint32_t node, bool truncated)
{
	uint32_t name = node | (truncated ? TRUNCATED : 0);
	_Atomic uint32_t *chain;
	uint32_t head;

	if (lks_unlikely(node == 0))
		return lks_depot_overflow();
	chain = stacks_of(node);
	/* acquire: pairs with the publishing exchange in add_stack */
	head = atomic_load_explicit(chain, memory_order_acquire);
	for (uint32_t id = head; id != 0; id = stack_at(id)->next)
		if (lks_likely(atomic_load_explicit(&stack_at(id)->name,
						    memory_order_relaxed) ==
			       name))
			return (struct lks_stack){ id };
	return add_stack(name, chain, head);
}

struct lks_stack
lks_depot_intern(const uint64_t *code, uint32_t count, bool truncated)
{
	uint32_t node = 0;

	for (uint32_t i = count; i > 0; i--) {
		node = lks_depot_child(node, code[i - 1]);
		if (lks_unlikely(node == 0))
			break;
	}
	return lks_depot_stack(node, truncated);
}

uint32_t
lks_depot_stack_count(void)
{
	/* acquire: pairs with reserve */
	return atomic_load_explicit(&stack_count, memory_order_acquire);
}

uint32_t
lks_depot_node_count(void)
{
	/* acquire: pairs with reserve */
	return atomic_load_explicit(&node_count, memory_order_acquire);
}

bool
lks_depot_get_stack(struct lks_stack stack, struct lks_depot_stack *out)
{
	uint32_t name;

	if (stack.id == 0 || stack.id > lks_depot_stack_count())
		return false;
	/* A number just reserved reads as 0 here: its page was zeroed.
	 * acquire: pairs with add_stack */
	name = atomic_load_explicit(&stack_at(stack.id)->name,
				    memory_order_acquire);
	out->node = name & NODE_MASK;
	out->overflow = (name & OVERFLOW) != 0;
	out->truncated = (name & TRUNCATED) != 0;
	return name != 0;
}

bool
lks_depot_get_node(uint32_t node, struct lks_depot_node *out)
{
	struct node *n;

	if (node == 0 || node > lks_depot_node_count())
		return false;
	n = node_at(node);
	/* acquire: pairs with add_node; the parent was written before */
	out->code = atomic_load_explicit(&n->code, memory_order_acquire);
	out->parent = n->parent;
	return out->code != 0;
}
