/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/base.h: what every other header needs: the version, the last error, and how things are
 * exported.
 *
 * Errors. A call on the control path (create, open, close, destroy, reading and writing captures)
 * returns 0 or -errno, or a pointer or NULL with errno set; in both cases weir_last_error() gives a
 * sentence that says what was wanted, what stood in the way and what to do. A call on the data path
 * returns a count, or 0 or -errno where it does all or nothing, and leaves the sentence alone. The
 * library never prints, exits or aborts.
 */
#ifndef WEIR_BASE_H
#define WEIR_BASE_H

#ifdef __cplusplus
extern "C" {
#endif

/* A symbol of the library's interface; everything else is hidden. */
#define WEIR_API __attribute__((visibility("default")))

/* For calls whose place in the application a report of leaks names: inlined without optimization as
 * well, or the place were in a header of ours. With it the compiler chooses: told to, it keeps the
 * callers from being inlined in turn. */
#ifdef __OPTIMIZE__
#define WEIR__INLINE static inline
#else
#define WEIR__INLINE static inline __attribute__((always_inline))
#endif

#define weir_likely(x)   __builtin_expect(!!(x), 1)
#define weir_unlikely(x) __builtin_expect(!!(x), 0)

/* What the machine moves between cores at a time: 64 bytes on x86-64 and on arm64 servers. */
#define WEIR_CACHE_LINE 64

/* The link type weir itself gives meaning to; any other LINKTYPE_ number passes through. */
#define WEIR_LINK_ETHERNET 1

/* The sentence for the last call of this thread that failed; "" if none did. It stays valid until
 * the next failure on the same thread. From any thread; never NULL. */
WEIR_API const char *weir_last_error(void);

/* The version of the library that runs, such as "0.1.0". From any thread. */
WEIR_API const char *weir_version(void);

#ifdef __cplusplus
}
#endif

#endif
