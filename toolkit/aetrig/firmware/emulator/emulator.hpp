// Every path through a network, and the choice among them by what the processor has.
#pragma once

#include <pthread.h>
#include <time.h>

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
// g++ knows AVX-VNNI from version 11 on. 0 leaves a processor's paths out, and what compiling them takes
#ifndef AETRIG_COMPILES_AVXVNNI
#define AETRIG_COMPILES_AVXVNNI (AETRIG_VECTORS && __GNUC__ >= 11)
#endif
#ifndef AETRIG_COMPILES_AVX512
#define AETRIG_COMPILES_AVX512 AETRIG_VECTORS
#endif

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
#include "events.hpp"
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

#if AETRIG_COMPILES_AVX512
#pragma GCC push_options
#pragma GCC target("avx2,avx512f,avx512bw,avx512vl,avx512vnni,prefer-vector-width=512")
namespace avx512 {
#include "portable.hpp"
#include "avx512.hpp"
#include "vector.hpp"
#include "chain.hpp"
#include "events.hpp"
} // namespace avx512
#pragma GCC pop_options
#endif
#endif

// As in the generated header.
enum Path { automatic = 0, path_generic = 1, path_avx2 = 2, path_avxvnni = 3, path_avx512vnni = 4, path_avx2events = 5, path_avx512events = 6 };
enum Result { ok = 0, out_of_range = 1, no_trigger = 2, no_path = 3 };

static inline bool supported(int path) {
#if AETRIG_VECTORS
    switch (path) {
    case path_avx2:
    case path_avx2events:
        return __builtin_cpu_supports("avx2");
#if AETRIG_COMPILES_AVXVNNI && defined(AETRIG_VNNI_BY_AVX512)
    case path_avxvnni:
        return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
#elif AETRIG_COMPILES_AVXVNNI
    case path_avxvnni:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("avxvnni");
#endif
#if AETRIG_COMPILES_AVX512
    case path_avx512vnni:
    case path_avx512events:
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl");
#endif
    }
#endif
    return path == path_generic;
}

// Whether the processor has a path and the network can go it.
template <class Net> static bool has(int path) {
    return supported(path) && (Net::Input::planes || (path != path_avx2events && path != path_avx512events));
}

// The best path for few events.
template <class Net> static int best_path() {
    for (int path : {path_avx512vnni, path_avxvnni, path_avx2})
        if (has<Net>(path))
            return path;
    return path_generic;
}

template <class T> struct Batch {
    bool check;
    const T *x;
    size_t events;
    int32_t *y;
    int64_t *score;
    uint8_t *accept;
};

template <class Way, class T> static int go(const Batch<T> &b) {
    return Way::run(b.check, b.x, b.events, b.y, b.score, b.accept) ? ok : out_of_range;
}

// Evaluates by a path that the network has.
template <class Net, class T> static int run_by(int path, const Batch<T> &batch) {
#if AETRIG_VECTORS
    if constexpr (Net::Input::planes) {
#if AETRIG_COMPILES_AVX512
        if (path == path_avx512events)
            return go<avx512::Many<Net>>(batch);
#endif
        if (path == path_avx2events)
            return go<avx2::Many<Net>>(batch);
    }
    switch (path) {
#if AETRIG_COMPILES_AVX512
    case path_avx512vnni:
        return go<avx512::Chain<Net>>(batch);
#endif
#if AETRIG_COMPILES_AVXVNNI
    case path_avxvnni:
        return go<avxvnni::Chain<Net>>(batch);
#endif
    case path_avx2:
        return go<avx2::Chain<Net>>(batch);
    }
#endif
    return go<generic::Chain<Net>>(batch);
}

static inline double seconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// From here on events may lie in the lanes, and a measurement takes no more.
constexpr size_t many_events = 128;

// Lets the paths that may be the fastest evaluate the batch's first events in turns. Returns the
// path whose best round was the shortest; automatic where an event is outside its wires' range.
template <class Net, class T> static int fastest_path(Batch<T> batch) {
    batch.events = many_events;
    const int paths[] = {best_path<Net>(), path_avx2events, path_avx512events};
    double best[3] = {1e9, 1e9, 1e9};
    for (int round = 0; round < 5; round++)
        for (int i = 0; i < 3; i++) {
            if (!has<Net>(paths[i]))
                continue;
            const double start = seconds();
            if (run_by<Net>(paths[i], batch) != ok)
                return automatic;
            const double took = seconds() - start;
            best[i] = took < best[i] ? took : best[i];
        }
    const int i = best[1] < best[2] ? 1 : 2;
    return paths[best[i] < best[0] ? i : 0];
}

// ``chosen``: the network's path for many events; automatic until it was measured. All paths give
// the same bits, so a race of two threads to measure does no harm.
template <class Net, class T> static int path_for(int path, int *chosen, const Batch<T> &batch) {
    if (path != automatic)
        return path;
    if (batch.events < many_events || !Net::Input::planes)
        return best_path<Net>();
    path = __atomic_load_n(chosen, __ATOMIC_RELAXED);
    if (path == automatic) {
        path = fastest_path<Net>(batch);
        __atomic_store_n(chosen, path, __ATOMIC_RELAXED);
    }
    return path == automatic ? best_path<Net>() : path;
}

template <class Net, class T> struct Part {
    int path;
    Batch<T> batch;
    int code;
    bool started;
    pthread_t thread;

    static void *run(void *part) {
        Part *self = static_cast<Part *>(part);
        self->code = run_by<Net>(self->path, self->batch);
        return nullptr;
    }
};

// Every thread evaluates a stretch of the batch; the caller's own is the first.
template <class Net, class T> static int run_parts(int path, int threads, const Batch<T> &whole) {
    constexpr int most = 256;
    constexpr size_t least = 16 * many_events; // of a thread: starting one takes as long
    constexpr size_t width = Net::Input::width, outputs = Net::outputs, points = Net::Points::count;
    const size_t useful = (whole.events + least - 1) / least;
    size_t count = threads < most ? threads : most;
    count = count < useful ? count : useful;
    const size_t share = ((whole.events + count - 1) / count + many_events - 1) / many_events * many_events;
    Part<Net, T> parts[most];
    size_t used = 0;
    for (size_t first = 0; first < whole.events; first += share, used++) {
        Part<Net, T> &part = parts[used];
        const size_t events = whole.events - first < share ? whole.events - first : share;
        part.path = path;
        part.batch = {whole.check,
                      whole.x + first * width,
                      events,
                      whole.y ? whole.y + first * outputs : nullptr,
                      whole.score ? whole.score + first : nullptr,
                      whole.accept ? whole.accept + first * points : nullptr};
        part.started = used > 0 && pthread_create(&part.thread, nullptr, Part<Net, T>::run, &part) == 0;
    }
    int code = ok;
    for (size_t i = 0; i < used; i++) { // a part whose thread could not be started is done here
        if (!parts[i].started)
            Part<Net, T>::run(&parts[i]);
    }
    for (size_t i = 0; i < used; i++) {
        if (parts[i].started)
            pthread_join(parts[i].thread, nullptr);
        code = code == ok ? parts[i].code : code;
    }
    return code;
}

template <class Net, class T> static int run(int path, int *chosen, int threads, const Batch<T> &batch) {
    if (std::is_same_v<typename Net::Score, NoScore> && (batch.score || batch.accept))
        return no_trigger;
    if (path != automatic && !has<Net>(path))
        return no_path;
    path = path_for<Net>(path, chosen, batch);
    return threads > 1 && batch.events > 0 ? run_parts<Net>(path, threads, batch) : run_by<Net>(path, batch);
}

} // namespace aetrig
