// Every path through a network, and the choice among them by what the processor has.
#pragma once

#include "network.hpp"

// 0 leaves the portable path alone, as for any processor other than x86-64
#ifndef AETRIG_VECTORS
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define AETRIG_VECTORS 1
#else
#define AETRIG_VECTORS 0
#endif
#endif
#if AETRIG_VECTORS
#include <immintrin.h>
#endif
// g++ knows AVX-VNNI from version 11 on
#define AETRIG_COMPILES_AVXVNNI (AETRIG_VECTORS && __GNUC__ >= 11)

namespace aetrig {

namespace generic {
#include "portable.hpp"
#include "scalar.hpp"
#include "chain.hpp"
} // namespace generic

#if AETRIG_VECTORS
#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#define AETRIG_VNNI 0
#include "portable.hpp"
#include "avx2.hpp"
#include "vector.hpp"
#include "chain.hpp"
#undef AETRIG_VNNI
} // namespace avx2
#pragma GCC pop_options

#if AETRIG_COMPILES_AVXVNNI
#pragma GCC push_options
#ifdef AETRIG_VNNI_BY_AVX512 // for tests of this path on a processor without AVX-VNNI
#pragma GCC target("avx2,avx512vl,avx512vnni")
#define AETRIG_DPBUSD _mm256_dpbusd_epi32
#define AETRIG_DPWSSD _mm256_dpwssd_epi32
#else
#pragma GCC target("avx2,avxvnni")
#define AETRIG_DPBUSD _mm256_dpbusd_avx_epi32
#define AETRIG_DPWSSD _mm256_dpwssd_avx_epi32
#endif
namespace avxvnni {
#define AETRIG_VNNI 1
#include "portable.hpp"
#include "avx2.hpp"
#include "vector.hpp"
#include "chain.hpp"
#undef AETRIG_VNNI
} // namespace avxvnni
#pragma GCC pop_options
#endif

#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw,avx512vl,avx512vnni,prefer-vector-width=512")
namespace avx512 {
#include "portable.hpp"
#include "avx512.hpp"
#include "vector.hpp"
#include "chain.hpp"
} // namespace avx512
#pragma GCC pop_options
#endif

// As in the generated header.
enum Path { automatic = 0, path_generic = 1, path_avx2 = 2, path_avxvnni = 3, path_avx512vnni = 4 };
enum Result { ok = 0, out_of_range = 1, no_trigger = 2, no_path = 3 };

static inline bool has(int path) {
#if AETRIG_VECTORS
    switch (path) {
    case path_avx2:
        return __builtin_cpu_supports("avx2");
#if AETRIG_COMPILES_AVXVNNI && defined(AETRIG_VNNI_BY_AVX512)
    case path_avxvnni:
        return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#elif AETRIG_COMPILES_AVXVNNI
    case path_avxvnni:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avxvnni");
#endif
    case path_avx512vnni:
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
    }
#endif
    return path == path_generic;
}

static inline int best_path() {
    for (int path : {path_avx512vnni, path_avxvnni, path_avx2})
        if (has(path))
            return path;
    return path_generic;
}

template <class Chain, class T>
static int run_chain(bool check, const T *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept) {
    if (check)
        return Chain::checked(x, events, y, score, accept) ? ok : out_of_range;
    Chain::run(x, events, y, score, accept);
    return ok;
}

template <class Net, class T>
static int run(int path, bool check, const T *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept) {
    if (std::is_same_v<typename Net::Score, NoScore> && (score || accept))
        return no_trigger;
    if (path == automatic)
        path = best_path();
    else if (!has(path))
        return no_path;
    switch (path) {
#if AETRIG_VECTORS
    case path_avx512vnni:
        return run_chain<avx512::Chain<Net>>(check, x, events, y, score, accept);
#if AETRIG_COMPILES_AVXVNNI
    case path_avxvnni:
        return run_chain<avxvnni::Chain<Net>>(check, x, events, y, score, accept);
#endif
    case path_avx2:
        return run_chain<avx2::Chain<Net>>(check, x, events, y, score, accept);
#endif
    default:
        return run_chain<generic::Chain<Net>>(check, x, events, y, score, accept);
    }
}

} // namespace aetrig
