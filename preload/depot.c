/*
 * Two lock-free hash tables with chains: stacks by the hash of their code
 * addresses, nodes by (parent, code). Records live in pages of a directory,
 * published by an atomic number; a chain is published by its bucket's head.
 * A bucket only ever gets new heads, so a reader that started from an older
 * head sees an older but whole chain.
 */
#include "depot.h"

#include <stdatomic.h>

#include "arena.h"
#include "counters.h"

/* Buckets. Mapped whole, touched where used; chains of a million stacks are
 * four long. */
#define STACK_BUCKETS (1u << 18)
#define NODE_BUCKETS (1u << 19)

#define PAGE_SHIFT 12
#define PAGE_RECORDS (1u << PAGE_SHIFT)
#define PAGES ((LKS_NODES_MAX >> PAGE_SHIFT) + 1)

#define FLAG_TRUNCATED 1u
#define FLAG_OVERFLOW 2u

struct node {
	_Atomic uint64_t code; /* written last; 0: not complete */
	uint32_t parent;
	_Atomic uint32_t next; /* chain; written before it is published */
};

struct stack {
	_Atomic uint32_t node; /* 0 until complete, and if wasted */
	uint32_t hash;
	uint32_t next;
	uint32_t count : 24;
	uint32_t flags : 8;
};

_Static_assert(sizeof(struct node) == 16, "a million stacks within 64 MB");
_Static_assert(sizeof(struct stack) == 16, "a million stacks within 64 MB");

#define OVERFLOW_STACK 1u

static _Atomic uint32_t *stack_buckets;
static _Atomic uint32_t *node_buckets;
static struct stack *_Atomic stack_pages[PAGES];
static struct node *_Atomic node_pages[PAGES];
static _Atomic uint32_t stack_count;
static _Atomic uint32_t node_count;
/* Numbers ran out, or memory did: intern only finds. */
static _Atomic bool full;

static inline struct node *
node_at(uint32_t id)
{
	/* acquire: pairs with the release of the page in reserve */
	struct node *page = atomic_load_explicit(&node_pages[id >> PAGE_SHIFT],
						 memory_order_acquire);

	return &page[id & (PAGE_RECORDS - 1)];
}

static inline struct stack *
stack_at(uint32_t id)
{
	/* acquire: as node_at */
	struct stack *page = atomic_load_explicit(
		&stack_pages[id >> PAGE_SHIFT], memory_order_acquire);

	return &page[id & (PAGE_RECORDS - 1)];
}

/*
 * The next number and its page. 0: none left. The page is made before the
 * number is taken, so that every number in use has one.
 */
static uint32_t
reserve(_Atomic uint32_t *count, void *_Atomic *pages, size_t record_bytes,
	uint32_t max)
{
	uint32_t last = atomic_load_explicit(count, memory_order_relaxed);

	for (;;) {
		uint32_t id = last + 1;
		void *_Atomic *slot = &pages[id >> PAGE_SHIFT];

		if (id > max)
			return 0;
		if (atomic_load_explicit(slot, memory_order_acquire) == NULL) {
			size_t bytes = PAGE_RECORDS * record_bytes;
			void *page = lks_arena_map(bytes);
			void *none = NULL;

			if (page == NULL)
				return 0;
			/* release: pairs with node_at and stack_at */
			if (!atomic_compare_exchange_strong_explicit(
				    slot, &none, page, memory_order_release,
				    memory_order_relaxed))
				lks_arena_release(page, bytes);
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
	struct stack *overflow;

	stack_buckets = lks_arena_reserve(STACK_BUCKETS * sizeof(uint32_t));
	node_buckets = lks_arena_reserve(NODE_BUCKETS * sizeof(uint32_t));
	if (stack_buckets == NULL || node_buckets == NULL)
		return false;
	if (reserve(&stack_count, (void *_Atomic *)stack_pages,
		    sizeof(struct stack), LKS_STACKS_MAX) != OVERFLOW_STACK)
		return false;
	overflow = stack_at(OVERFLOW_STACK);
	overflow->flags = FLAG_OVERFLOW;
	return true;
}

static inline uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static inline uint64_t
code_of(struct node *n)
{
	return atomic_load_explicit(&n->code, memory_order_relaxed);
}

/* The node (parent, code), made if it is new; 0: no room. */
static uint32_t
intern_node(uint32_t parent, uint64_t code)
{
	uint64_t h = mix(mix(0x2545f4914f6cdd1du, parent), code);
	_Atomic uint32_t *bucket = &node_buckets[h % NODE_BUCKETS];
	/* acquire: pairs with the publishing exchange below */
	uint32_t head = atomic_load_explicit(bucket, memory_order_acquire);
	uint32_t seen = 0; /* the chain from here on was searched */
	uint32_t mine = 0;

	for (;;) {
		for (uint32_t id = head; id != seen;) {
			struct node *n = node_at(id);

			if (code_of(n) == code && n->parent == parent)
				return id;
			id = atomic_load_explicit(&n->next,
						  memory_order_relaxed);
		}
		seen = head;
		if (mine == 0) {
			mine = reserve(&node_count, (void *_Atomic *)node_pages,
				       sizeof(struct node), LKS_NODES_MAX);
			if (mine == 0)
				return 0;
			node_at(mine)->parent = parent;
			/* release: pairs with lks_depot_get_node */
			atomic_store_explicit(&node_at(mine)->code, code,
					      memory_order_release);
		}
		atomic_store_explicit(&node_at(mine)->next, head,
				      memory_order_relaxed);
		/* release: the node is complete before it can be found */
		if (atomic_compare_exchange_strong_explicit(
			    bucket, &head, mine, memory_order_acq_rel,
			    memory_order_acquire))
			return mine;
	}
}

static bool
stack_is(const struct stack *s, const uint64_t *code, uint32_t count,
	 uint32_t flags, uint32_t hash)
{
	uint32_t id;

	if (s->hash != hash || s->count != count || s->flags != flags)
		return false;
	id = atomic_load_explicit(&s->node, memory_order_relaxed);
	for (uint32_t i = 0; i < count; i++) {
		struct node *n = node_at(id);

		if (code_of(n) != code[i])
			return false;
		id = n->parent;
	}
	return true;
}

/* The innermost node of a path that is interned from outside in; 0: no room. */
static uint32_t
intern_path(const uint64_t *code, uint32_t count)
{
	uint32_t node = 0;

	for (uint32_t i = count; i > 0; i--) {
		node = intern_node(node, code[i - 1]);
		if (node == 0)
			break;
	}
	return node;
}

static LKS_NOINLINE struct lks_stack
intern_new(const uint64_t *code, uint32_t count, uint32_t flags, uint32_t hash,
	   _Atomic uint32_t *bucket, uint32_t head)
{
	uint32_t seen = head;
	uint32_t node;
	uint32_t mine;
	struct stack *s;

	if (atomic_load_explicit(&full, memory_order_relaxed))
		return lks_depot_overflow();
	node = intern_path(code, count);
	mine = node == 0 ? 0
			 : reserve(&stack_count, (void *_Atomic *)stack_pages,
				   sizeof(struct stack), LKS_STACKS_MAX);
	if (mine == 0) {
		atomic_store_explicit(&full, true, memory_order_relaxed);
		return lks_depot_overflow();
	}
	s = stack_at(mine);
	s->hash = hash;
	s->count = count & 0xffffff;
	s->flags = flags & 0xff;
	s->next = head;
	/* release: pairs with lks_depot_get_stack */
	atomic_store_explicit(&s->node, node, memory_order_release);
	/* release: the stack is complete before it can be found */
	while (!atomic_compare_exchange_strong_explicit(bucket, &head, mine,
							memory_order_acq_rel,
							memory_order_acquire)) {
		for (uint32_t id = head; id != seen; id = stack_at(id)->next) {
			if (stack_is(stack_at(id), code, count, flags, hash)) {
				/* Another thread was first: ours is wasted. */
				atomic_store_explicit(&s->node, 0,
						      memory_order_relaxed);
				return (struct lks_stack){ id };
			}
		}
		seen = head;
		s->next = head;
	}
	return (struct lks_stack){ mine };
}

struct lks_stack
lks_depot_intern(const uint64_t *code, uint32_t count, bool truncated)
{
	uint32_t flags = truncated ? FLAG_TRUNCATED : 0;
	uint64_t h = flags;
	_Atomic uint32_t *bucket;
	uint32_t head;

	for (uint32_t i = 0; i < count; i++)
		h = mix(h, code[i]);
	bucket = &stack_buckets[h % STACK_BUCKETS];
	/* acquire: pairs with the publishing exchange in intern_new */
	head = atomic_load_explicit(bucket, memory_order_acquire);
	for (uint32_t id = head; id != 0; id = stack_at(id)->next)
		if (lks_likely(stack_is(stack_at(id), code, count, flags,
					(uint32_t)(h >> 32))))
			return (struct lks_stack){ id };
	return intern_new(code, count, flags, (uint32_t)(h >> 32), bucket,
			  head);
}

struct lks_stack
lks_depot_overflow(void)
{
	return (struct lks_stack){ OVERFLOW_STACK };
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
	struct stack *s;

	if (stack.id == 0 || stack.id > lks_depot_stack_count())
		return false;
	s = stack_at(stack.id);
	/* A number just reserved reads as 0 here: its page was zeroed.
	 * acquire: pairs with intern_new */
	out->node = atomic_load_explicit(&s->node, memory_order_acquire);
	out->overflow = stack.id == OVERFLOW_STACK;
	out->truncated = (s->flags & FLAG_TRUNCATED) != 0;
	return out->node != 0 || out->overflow;
}

bool
lks_depot_get_node(uint32_t node, struct lks_depot_node *out)
{
	struct node *n;

	if (node == 0 || node > lks_depot_node_count())
		return false;
	n = node_at(node);
	/* acquire: pairs with intern_node; the parent was written before */
	out->code = atomic_load_explicit(&n->code, memory_order_acquire);
	out->parent = n->parent;
	return out->code != 0;
}
