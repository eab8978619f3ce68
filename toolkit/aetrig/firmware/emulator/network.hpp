// What a generated network is made of, and the portable evaluation of one event.
//
// A tensor is a row of integers, stored = q + zero. A step ends in a quantizer that makes it from
// an accumulator u (half of the last bit, and the zero, are in u's bias already):
//
//     u = min(max(u, least), most) << left    only where the result is finer than the accumulator
//     r = u >> right, less 1 where u % 2**(right + 1) == 2**right and ties go to even, plus after
//     stored = min(max(r, low), high)
//
// Sums wrap modulo 2**32 or 2**64; the generator has proven that each result fits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#define AETRIG_INLINE static inline __attribute__((always_inline))
#define AETRIG_STEP static __attribute__((noinline))

namespace aetrig {

// What a generated step says of itself, beside its arrays of constants:
//
// struct Input: width, outputs (the same), padded (a multiple of 64), Word, Stored, wire_low[],
//               wire_high[], wire_span[], floor[], ceiling[], factor[], addend[], the constants of the
//               rounding; planes: whether events.hpp can hold the network; unscaled: all factors are 1;
//               wires16: wire_low16[] and wire_high16[] tell whether a word is outside
// struct Layer: inputs, groups, group, outputs, padded (a multiple of 16), Word, Weight, Stored,
//               kind (0), weight[groups * padded * group], bias[padded], pairs, run, narrow, and the
//               rounding; of outputs two by two, from the generator's events.py: chunk_from[], rest[],
//               in_long[], in_longs (their number); of chunks: start[], both_from[], one_from[]; of
//               terms: both[], both_factor[], one[], one_factor[]
// struct Lookup: kind (1), entries, outputs, padded, zero, Stored, entry[entries]
// struct Sum: kind (2), outputs, padded, zero, other, this_left, other_left, addend, Word, Stored,
//             and the rounding
// struct Score: reference, square, words, output_left, reference_left, addend
// struct Points: count, threshold[]
template <class Step, class... Rest> struct LastOf : LastOf<Rest...> {};
template <class Step> struct LastOf<Step> : Step {};

template <class Input_, class Score_, class Points_, class... Layers_> struct Network {
    using Input = Input_;
    using Score = Score_;
    using Points = Points_;
    static constexpr int outputs = LastOf<Layers_...>::outputs;
};

struct NoScore {};

// unsigned arithmetic wraps; signed overflow would be undefined
template <class T> struct Unsigned;
template <> struct Unsigned<int16_t> { using Type = uint32_t; };
template <> struct Unsigned<int32_t> { using Type = uint32_t; };
template <> struct Unsigned<int64_t> { using Type = uint64_t; };

constexpr int up_to(int multiple, int n) { return (n + multiple - 1) / multiple * multiple; }

// A row holds whole vectors, so that kernels may write and read past its last element.
template <class Step> struct Row {
    alignas(64) typename Step::Stored at[up_to(64, Step::padded)];
};

// The rows of N events behind every step.
template <int N, class Step, class... Rest> struct Rows {
    Row<Step> here[N];
    Rows<N, Rest...> rest;
};
template <int N, class Step> struct Rows<N, Step> {
    Row<Step> here[N];
};

} // namespace aetrig
