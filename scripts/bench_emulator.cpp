// Timed loops of scripts/bench: the emulator, onnxruntime through its C interface, and this core's
// rate of integer multiply-accumulates. Each function returns seconds for all of its calls.
#include "aetrig_bench_v1.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <immintrin.h>
#include <vector>

namespace {

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// onnxruntime's wheel has the library but not its header. The interface is a table of functions
// whose order never changes ("Version 1 - DO NOT MODIFY ABOVE"); these are their places in it.
enum { get_error_message = 2, create_env = 3, create_session = 7, run_session = 9, create_options = 10,
       optimization = 23, intra_threads = 24, create_tensor = 49, memory_info = 69, release_value = 96 };
constexpr int float_tensor = 1, all_optimizations = 99, arena = 1, default_memory = 0, errors_only = 3;

struct ApiBase {
    void *const *(*get)(uint32_t version);
    const char *(*version)();
};

void *const *api;
void *env, *session, *memory;

void release(int place, void *object) { reinterpret_cast<void (*)(void *)>(api[place])(object); }

template <class... Arguments> bool ort(int place, Arguments... arguments) {
    void *status = reinterpret_cast<void *(*)(Arguments...)>(api[place])(arguments...);
    if (status)
        std::fprintf(stderr, "onnxruntime: %s\n", reinterpret_cast<const char *(*)(void *)>(api[get_error_message])(status));
    return !status;
}

bool tensor(float *data, size_t events, size_t width, void **value) {
    int64_t shape[2] = {int64_t(events), int64_t(width)};
    return ort(create_tensor, memory, static_cast<void *>(data), events * width * sizeof(float),
               static_cast<const int64_t *>(shape), size_t(2), float_tensor, value);
}

} // namespace

extern "C" {

bool open_onnxruntime(const char *library, const char *model) {
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    api = reinterpret_cast<const ApiBase *(*)()>(dlsym(handle, "OrtGetApiBase"))()->get(1);
    void *options;
    return ort(create_env, errors_only, "bench", &env) && ort(create_options, &options) &&
           ort(intra_threads, options, 1) && ort(optimization, options, all_optimizations) &&
           ort(create_session, env, model, static_cast<const void *>(options), &session) &&
           ort(memory_info, arena, default_memory, &memory);
}

// ``calls`` times one batch; tensors lie on the caller's memory and are made once.
double time_onnxruntime(float *x, float *y, size_t events, const char *input, const char *output, int calls) {
    void *in, *out;
    if (!tensor(x, events, AETRIG_BENCH_V1_FEATURES, &in) || !tensor(y, events, AETRIG_BENCH_V1_OUTPUTS, &out))
        return -1;
    double start = now();
    for (int i = 0; i < calls; i++)
        if (!ort(run_session, session, static_cast<const void *>(nullptr), &input,
                 static_cast<void *const *>(&in), size_t(1), &output, size_t(1), &out))
            return -1;
    double seconds = now() - start;
    release(release_value, in);
    release(release_value, out);
    return seconds;
}

double time_emulator(int path, bool checked, const int32_t *x, size_t events, int32_t *y, int64_t *score,
                     uint8_t *accept, int calls) {
    double start = now();
    for (int i = 0; i < calls; i++) {
        int code = path     ? aetrig_bench_v1_run_with(path, x, events, y, score, accept)
                   : checked ? aetrig_bench_v1_run(x, events, y, score, accept)
                             : aetrig_bench_v1_run_unchecked(x, events, y, score, accept);
        if (code != AETRIG_OK)
            return -1;
    }
    return now() - start;
}

double time_emulator16(const int16_t *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept, int calls) {
    double start = now();
    for (int i = 0; i < calls; i++)
        if (aetrig_bench_v1_run16(x, events, y, score, accept) != AETRIG_OK)
            return -1;
    return now() - start;
}

// hls4ml's compiled project, event by event from C++.
double time_csim(void (*top)(float *, float *), float *x, float *y, size_t events) {
    double start = now();
    for (size_t event = 0; event < events; event++)
        top(x + event * AETRIG_BENCH_V1_FEATURES, y);
    return now() - start;
}

// Seconds for 16 * rounds steps on registers alone; a step is one vpdpbusd, or a vpmaddwd and its addition.
#define PEAK(NAME, TARGET, VECTOR, STEP)                                                                       \
    __attribute__((target(TARGET))) double NAME(long rounds) {                                                 \
        VECTOR sums[16] = {}, a = {}, b = {}, product;                                                         \
        double start = now();                                                                                  \
        for (long round = 0; round < rounds; round++) {                                                        \
            _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) __asm__ volatile(STEP                        \
                                                                                   : "+v"(sums[i]), "=&v"(product) \
                                                                                   : "v"(a), "v"(b));          \
        }                                                                                                      \
        return now() - start;                                                                                  \
    }
#define MADD "vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0"

PEAK(peak_vpdpbusd_512, "avx512f,avx512vnni", __m512i, "vpdpbusd %2, %3, %0")
PEAK(peak_vpmaddwd_512, "avx512f,avx512bw", __m512i, MADD)
PEAK(peak_vpmaddwd_256, "avx2", __m256i, MADD)
#define MADDUBS "vpmaddubsw %2, %3, %1\n\tvpaddw %1, %0, %0"
PEAK(peak_vpmaddubsw_512, "avx512f,avx512bw", __m512i, MADDUBS)
PEAK(peak_vpmaddubsw_256, "avx2", __m256i, MADDUBS)

// Seconds for 16 * rounds full adders of 256 events each, as bit-sliced sums are made of.
__attribute__((target("avx2"))) double peak_full_adder_256(long rounds) {
    __m256i sums[4] = {}, a = {}, b = {}, t, u;
    double start = now();
    for (long round = 0; round < rounds; round++) {
        _Pragma("GCC unroll 16") for (int i = 0; i < 16; i++) __asm__ volatile(
            "vpxor %3, %0, %1\n\tvpand %3, %0, %2\n\tvpxor %1, %4, %0\n\tvpand %1, %4, %1\n\tvpor %1, %2, %1"
            : "+x"(sums[i % 4]), "=&x"(t), "=&x"(u)
            : "x"(a), "x"(b));
    }
    return now() - start;
}

// Seconds for as many readings of 16 KiB, or copies of 64 MiB.
__attribute__((target("avx2"))) double read_near(long rounds) {
    constexpr int count = (1 << 14) / sizeof(__m256i);
    alignas(64) static __m256i memory[count];
    double start = now();
    for (long round = 0; round < rounds; round++)
        _Pragma("GCC unroll 16") for (int i = 0; i < count; i++) __asm__ volatile("vmovdqa %0, %%ymm0"
                                                                                    :
                                                                                    : "m"(memory[i])
                                                                                    : "xmm0");
    return now() - start;
}
double copy_far(long rounds) {
    constexpr size_t size = 1 << 26;
    static std::vector<char> from(size, 1), to(size, 2);
    double start = now();
    for (long round = 0; round < rounds; round++) {
        std::memcpy(to.data(), from.data(), size);
        __asm__ volatile("" : : : "memory");
    }
    return now() - start;
}

double time_threads(int threads, const int32_t *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept, int calls) {
    double start = now();
    for (int i = 0; i < calls; i++)
        if (aetrig_bench_v1_run_threads(AETRIG_AUTOMATIC, threads, x, events, y, score, accept) != AETRIG_OK)
            return -1;
    return now() - start;
}
}
