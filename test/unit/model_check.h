/*
 * Does a model keep the promises of analyzer/model.h? For tests and fuzzers of
 * whatever makes models.
 */
#pragma once

#include "../../analyzer/model.h"

/* The promise that is broken, in words; NULL if there is none. */
const char *model_broken(const struct model *model);
