/*
 * Which call stacks of two snapshots are the same one.
 *
 * Within one process: the same return addresses in the same modules at the
 * same places. Between processes, where the loader put things elsewhere: the
 * same places in the same files, that is (build-id, address in the file), or
 * (path, address in the file) where there is no build-id. Sites whose stacks
 * come out the same are one site: their numbers are to be added.
 *
 * Stacks are found by hash and then compared frame by frame, so that equal
 * numbers always mean equal stacks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

struct match;

/*
 * Were both taken from one program run? True if host, boot, pid namespace,
 * pid and start time agree, and tracking began at the same moment too: a
 * program that exec() started has its predecessor's pid and start time.
 */
bool match_same_process(const struct header *a, const struct header *b);

/* Of one or two snapshots; b may be NULL. Both are borrowed. Never fails. */
struct match *match_new(const struct model *a, const struct model *b)
	__attribute__((warn_unused_result));
void match_free(struct match *match);

/*
 * The number of a stack: 1, 2, ... in the order of first asking. Side 0 is a,
 * 1 is b. Of `flags` only SITE_OVERFLOW matters: such a site is no stack of
 * its own and the same only as another such.
 */
uint32_t match_stack(struct match *match, unsigned int side,
		     struct node_id node, uint32_t flags);

/* Orders numbered stacks by their frames, innermost first, by module path and
 * place: < 0, 0, > 0. It is the same order whenever the files are the same. */
int match_compare(const struct match *match, uint32_t a, uint32_t b);
