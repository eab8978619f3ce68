// The top function: raw hardware integers in, anomaly score and accept bits out.
#include "trigger_config.h"

void trigger(input_t x[TRIGGER_INPUTS], trigger_score_t &score, ap_uint<TRIGGER_POINTS> &accept) {
#pragma HLS ARRAY_RESHAPE variable=x complete dim=0
#pragma HLS INTERFACE ap_none port=x
#pragma HLS INTERFACE ap_vld port=score
#pragma HLS INTERFACE ap_vld port=accept
#pragma HLS PIPELINE II=1
    trigger_output_t output[TRIGGER_OUTPUTS];
#pragma HLS ARRAY_PARTITION variable=output complete dim=0
#if TRIGGER_HAS_REFERENCE
    trigger_reference_t reference[TRIGGER_OUTPUTS];
#pragma HLS ARRAY_PARTITION variable=reference complete dim=0
    myproject(x, reference, output);
    const trigger_sum_t sum =
        aetrig::distance<trigger_term_t, trigger_sum_t, TRIGGER_OUTPUTS>(output, reference);
#else
    myproject(x, output);
    const trigger_sum_t sum =
        aetrig::distance<trigger_term_t, trigger_sum_t, TRIGGER_OUTPUTS>(output);
#endif
    // the sum's bits without its binary point: the integer that thresholds are in
    const trigger_score_t integer = sum.range(trigger_sum_t::width - 1, 0);
    score = integer;
    accept = aetrig::above<TRIGGER_POINTS>(integer, trigger_thresholds);
}
