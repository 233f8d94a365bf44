/*
 * The page of /debug/charts/: one file that fetches nothing but what charts.h
 * offers below its own path. Made by `make web` and embedded at build time.
 */
#pragma once

#include "http.h"

/* Without a page (built without Node.js) it says how to get one. */
void charts_page_reply(struct http_reply *reply);
