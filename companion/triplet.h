/*
 * The directory below lib/ where Debian puts this machine's libraries.
 */
#pragma once

#if defined(__x86_64__)
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define TRIPLET "aarch64-linux-gnu"
#else
#error "triplet.h does not know this machine's library directory"
#endif
