/* Names of files, as the kernel writes them. */
#pragma once

/* The part after the last '/'; points into `path`. */
const char *path_base(const char *path);
