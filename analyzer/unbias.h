/*
 * Counts of objects are written in units of 1/count_scale objects, because
 * one sample of a Poisson sample by bytes stands for 1 / (1 - exp(-size /
 * mean)) objects, which is no whole number. Here they become whole
 * objects. Bytes are bytes already.
 */
#pragma once

#include "model.h"

/* Rounds every count of objects to the nearest object and sets count_scale to
 * 1. A site's error is at most half an object and falls either way, so that
 * sums over sites are not biased. Nothing changes in exact mode. */
void unbias(struct model *model);
