/*
 * work_recurse DOCUMENTS: reads made-up documents by recursive descent. Four
 * functions call each other in ever-changing order, up to 14 deep, two frames
 * each, and each level allocates: some ten thousand distinct stacks, few of
 * them met twice in a row. There are 8 documents, read again and again, as a
 * server meets the same kinds of request.
 */
#include "work.h"

#define DOCUMENTS 8
#define NODES 5000 /* of one document, about */
#define DEPTH_MAX 14
#define TEXT 256 /* bytes that a node reads */

struct node {
	struct node *first;
	struct node *next;
	char *items[4];
};

struct parser {
	struct work_random random;
	long left; /* nodes still to be made */
	uint64_t sum;
};

static char text[TEXT * 16];

static WORK_NOINLINE void
read_text(struct parser *parser)
{
	const char *at = text + parser->left % 16 * TEXT;
	uint64_t sum = parser->sum;

	for (int i = 0; i < TEXT; i += 8)
		sum = sum * 31 + (unsigned char)at[i];
	parser->sum = sum;
}

typedef struct node *rule(struct parser *parser, int depth);

static struct node *some_rule(struct parser *parser, int depth);

/* A node with up to three children and up to four items, which are copies of
 * parts of a temporary. */
#define RULE(n)                                                                \
	static WORK_NOINLINE struct node *rule_##n(struct parser *parser,      \
						   int depth)                  \
	{                                                                      \
		struct node *node = work_alloc(sizeof(*node));                 \
		char *scratch = work_alloc(16 + 8 * n);                        \
		uint32_t children = 1 + work_random(&parser->random, 3);       \
                                                                               \
		memset(node, 0, sizeof(*node));                                \
		parser->left--;                                                \
		read_text(parser);                                             \
		while (depth < DEPTH_MAX && children-- > 0 &&                  \
		       parser->left > 0) {                                     \
			struct node *child = some_rule(parser, depth + 1);     \
                                                                               \
			child->next = node->first;                             \
			node->first = child;                                   \
		}                                                              \
		for (uint32_t i = parser->left & 3; i < 4; i++)                \
			node->items[i] = work_alloc(12 + 4 * i);               \
		parser->sum += (unsigned char)scratch[0] + n;                  \
		free(scratch);                                                 \
		return node;                                                   \
	}

RULE(0)
RULE(1)
RULE(2)
RULE(3)

static WORK_NOINLINE struct node *
some_rule(struct parser *parser, int depth)
{
	static rule *const rules[] = { rule_0, rule_1, rule_2, rule_3 };
	struct node *node =
		rules[work_random(&parser->random, 4)](parser, depth);

	parser->sum += (uint64_t)depth; /* keeps this frame on the stack */
	return node;
}

static void
forget(struct node *node)
{
	while (node) {
		struct node *next = node->next;

		forget(node->first);
		for (int i = 0; i < 4; i++)
			free(node->items[i]);
		free(node);
		node = next;
	}
}

int
main(int argc, char **argv)
{
	long documents = work_argument(argc, argv, 1);
	struct parser parser = { .sum = 0 };

	for (long i = 0; i < documents; i++) {
		parser.random.state = (uint64_t)(i % DOCUMENTS) + 1;
		parser.left = NODES;
		while (parser.left > 0)
			forget(some_rule(&parser, 0));
	}
	printf("%llu\n", (unsigned long long)parser.sum);
	return 0;
}
