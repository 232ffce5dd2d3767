// Atomic access to memory that another party (guest, frontend) writes at the same time. Swift's Atomic owns its storage
// and cannot be laid over foreign memory; these are inlined into the caller.
#ifndef CLINUX_ATOMICS_H
#define CLINUX_ATOMICS_H

#include <stdint.h>

#define CL_INLINE static inline __attribute__((always_inline))

CL_INLINE uint16_t cl_load16_acquire(const void *_Nonnull p) { return __atomic_load_n((const uint16_t *)p, __ATOMIC_ACQUIRE); }
CL_INLINE uint16_t cl_load16_relaxed(const void *_Nonnull p) { return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED); }
CL_INLINE uint32_t cl_load32_relaxed(const void *_Nonnull p) { return __atomic_load_n((const uint32_t *)p, __ATOMIC_RELAXED); }
CL_INLINE uint64_t cl_load64_relaxed(const void *_Nonnull p) { return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED); }
CL_INLINE void cl_store16_release(void *_Nonnull p, uint16_t v) { __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELEASE); }
CL_INLINE void cl_store16_relaxed(void *_Nonnull p, uint16_t v) { __atomic_store_n((uint16_t *)p, v, __ATOMIC_RELAXED); }
CL_INLINE void cl_store32_relaxed(void *_Nonnull p, uint32_t v) { __atomic_store_n((uint32_t *)p, v, __ATOMIC_RELAXED); }
CL_INLINE void cl_fence_full(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Tells the processor that memory is looked at again and again: the core's other thread may go ahead.
CL_INLINE void cl_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
