// The anomaly score and the accept bits, exact: ap_fixed sums, differences and products grow by
// what they need, and the score's type holds the largest score.
#ifndef AETRIG_TRIGGER_H_
#define AETRIG_TRIGGER_H_

#include "ap_fixed.h"
#include "ap_int.h"

// 32-bit words of the contract's SHA-256, which the top function gives as a number of 256 bits
#define DIGEST_WORDS 8

namespace aetrig {

struct Square {
    template <class D> static auto of(const D &d) -> decltype(d * d) { return d * d; }
};

struct Absolute {
    template <class D> static auto of(const D &d) -> decltype(-d) {
        typedef decltype(-d) Wider; // the magnitude of the lowest number needs a bit more
        return d < 0 ? Wider(-d) : Wider(d);
    }
};

// Sum over the elements of the square or magnitude of output - reference.
template <class Term, class Sum, int N, class Output, class Reference>
Sum distance(const Output output[N], const Reference reference[N]) {
#pragma HLS INLINE
    Sum total = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        total += Term::of(output[i] - reference[i]);
    }
    return total;
}

// The same against zero.
template <class Term, class Sum, int N, class Output> Sum distance(const Output output[N]) {
#pragma HLS INLINE
    Sum total = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS UNROLL
        total += Term::of(output[i]);
    }
    return total;
}

// One bit a working point, the first in bit 0: score above its threshold.
template <int POINTS, class Score, class Threshold>
ap_uint<POINTS> above(const Score &score, const Threshold thresholds[POINTS]) {
#pragma HLS INLINE
    ap_uint<POINTS> accept = 0;
    for (int i = 0; i < POINTS; i++) {
#pragma HLS UNROLL
        accept[i] = score > thresholds[i];
    }
    return accept;
}

} // namespace aetrig

#endif
