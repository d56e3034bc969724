/* SPDX-License-Identifier: BSD-3-Clause */
/* weir/atomic.h: the C11 atomics of the concurrent headers, under the same names in C++.
 *
 * The headers that use it (refcount.h, ring_spsc.h, ring_mpmc.h and lib/mempool/depot_impl.h)
 * include nothing else but the standard's headers, name every order, and use neither fences nor
 * assembly, so that a model checker can take them as they are.
 */
#ifndef WEIR_ATOMIC_H
#define WEIR_ATOMIC_H

#ifdef __cplusplus
#include <atomic>
#define WEIR_ATOMIC(type) std::atomic<type>
using std::atomic_compare_exchange_strong_explicit;
using std::atomic_compare_exchange_weak_explicit;
using std::atomic_exchange_explicit;
using std::atomic_fetch_add_explicit;
using std::atomic_fetch_sub_explicit;
using std::atomic_load_explicit;
using std::atomic_store_explicit;
using std::memory_order_acq_rel;
using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
#else
#include <stdatomic.h>
#define WEIR_ATOMIC(type) _Atomic(type)
#endif

#endif
