/*
 * A noisy process of about 200 MB: hundreds of sites with pools, requests,
 * caches that fill and turn over, batches, buffers; among them, first, one that
 * leaks 3 KB/s. Ten snapshots over two minutes.
 */
#pragma once

#include "cases.h"

size_t crowd_count(uint64_t seed);

/* Tells site `index` of the process. The caller releases story->world. */
void crowd_tell(struct story *story, uint64_t seed, size_t index);
