/*
 * Linkage names made readable: C++ (Itanium), Rust (v0 and legacy, without
 * its hash) and D.
 */
#pragma once

/*
 * Returns a new string, owned by the caller, never NULL: the demangled name,
 * or a copy of `linkage_name` if it is not mangled (or cannot be demangled).
 * Marks of compiler-made clones (.part.0, .constprop.1, .isra.0, .cold,
 * .lto_priv.0, .llvm.123), symbol versions (@GLIBC_2.2.5) and glibc's __GI_
 * are dropped: to a reader they are the function itself.
 */
char *demangle(const char *linkage_name) __attribute__((warn_unused_result));

/* The name without those, still mangled: a new string, owned by the caller,
 * never NULL. */
char *demangle_bare(const char *linkage_name)
	__attribute__((warn_unused_result));
