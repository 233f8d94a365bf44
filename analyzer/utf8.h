/*
 * Paths and names are bytes; formats that want text want UTF-8.
 */
#pragma once

/* Replaces each byte that is in no valid UTF-8 sequence by '?', in place. */
void utf8_repair(char *text);
