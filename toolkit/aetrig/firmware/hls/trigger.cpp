// The top function: raw hardware integers in, anomaly score and accept bits out.
#include "trigger_config.h"

namespace {
void judge(const trigger_sum_t &sum, trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept) {
#pragma HLS INLINE
    // the sum's bits without its binary point: the integer that thresholds are in
    const trigger_score_t integer = sum.range(trigger_sum_t::width - 1, 0);
    score = integer;
    accept = aetrig::above<TRIGGER_POINTS>(integer, trigger_thresholds);
}

#if TRIGGER_HAS_REFERENCE
void compare(const trigger_output_t output[TRIGGER_OUTPUTS], const trigger_reference_t reference[TRIGGER_OUTPUTS],
             trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept) {
#pragma HLS PIPELINE
    judge(aetrig::distance<trigger_term_t, trigger_sum_t, TRIGGER_OUTPUTS>(output, reference), score, accept);
}
#else
void compare(const trigger_output_t output[TRIGGER_OUTPUTS], trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept) {
#pragma HLS PIPELINE
    judge(aetrig::distance<trigger_term_t, trigger_sum_t, TRIGGER_OUTPUTS>(output), score, accept);
}
#endif

// A constant output. A function of its own, as a dataflow holds calls alone.
void identify(ap_uint<32 * DIGEST_WORDS> &network_digest) {
#pragma HLS INLINE off
    ap_uint<32 * DIGEST_WORDS> number = 0;
    for (int i = 0; i < DIGEST_WORDS; i++) {
#pragma HLS UNROLL
        number = (number << 32) | ap_uint<32 * DIGEST_WORDS>(trigger_network_digest[i]);
    }
    network_digest = number;
}
} // namespace

void trigger(input_t x[TRIGGER_INPUTS], trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept,
             ap_uint<32 * DIGEST_WORDS> &network_digest) {
#pragma HLS ARRAY_RESHAPE variable=x complete dim=0
#pragma HLS INTERFACE ap_none port=x
#pragma HLS INTERFACE ap_vld port=score
#pragma HLS INTERFACE ap_vld port=accept
#pragma HLS INTERFACE ap_none port=network_digest
// A pipelined function has every loop below it unrolled, so that nothing would be reused: not where
// the network's multipliers are. There the layers overlap as a dataflow, but for a reference, which
// has two readers and is no dataflow: one event at a time.
#if TRIGGER_PIPELINE
#pragma HLS PIPELINE II=1
#elif !TRIGGER_HAS_REFERENCE
#pragma HLS DATAFLOW
#endif
    trigger_output_t output[TRIGGER_OUTPUTS];
#pragma HLS ARRAY_PARTITION variable=output complete dim=0
    identify(network_digest);
#if TRIGGER_HAS_REFERENCE
    trigger_reference_t reference[TRIGGER_OUTPUTS];
#pragma HLS ARRAY_PARTITION variable=reference complete dim=0
    myproject(x, reference, output);
    compare(output, reference, score, accept);
#else
    myproject(x, output);
    compare(output, score, accept);
#endif
}
