/*
 * Which Debian package a file came with, from dpkg's lists of files.
 */
#pragma once

#define DEBIAN_LISTS "/var/lib/dpkg/info"

/*
 * The name of the package in whose list, PACKAGE.list or PACKAGE:ARCH.list in
 * the directory `lists`, the absolute `path` is a line; also where the list
 * has it without its leading /usr. NULL if there is none, or no such
 * directory. The caller frees it.
 */
char *debian_package(const char *lists, const char *path)
	__attribute__((warn_unused_result));
