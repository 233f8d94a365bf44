/*
 * Paths and names are bytes; formats that want text want UTF-8.
 */
#pragma once

#include <stddef.h>

/* Replaces each byte that is in no valid UTF-8 sequence by '?', in place. */
void utf8_repair(char *text);

/* Bytes of the character that the text begins with; 0 if they are in no valid
 * sequence, or it is one that can drive a terminal or turn what stands beside
 * it: a control character (C0, DEL, C1), a line end, a mark of direction. */
size_t utf8_visible(const char *text);
