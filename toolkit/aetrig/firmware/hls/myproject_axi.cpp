#include "myproject_axi.h"

void myproject_axi(axi_word in[TRIGGER_INPUTS], axi_word out[TRIGGER_WORDS]) {
#pragma HLS INTERFACE axis port=in
#pragma HLS INTERFACE axis port=out
#pragma HLS INTERFACE ap_ctrl_none port=return
    input_t x[TRIGGER_INPUTS];
    bool is_last = false;
    for (int i = 0; i < TRIGGER_INPUTS; i++) {
#pragma HLS PIPELINE
        x[i] = ap_int<32>(in[i].data); // an unsigned input takes the same low bits
        is_last |= in[i].last == 1;
    }
    trigger_score_t score;
    ap_uint<TRIGGER_POINTS> accept;
    ap_uint<32 * DIGEST_WORDS> digest;
    trigger(x, score, accept, digest);
    const ap_uint<64> wide = score;
    const ap_uint<32> words[TRIGGER_WORDS] = {accept, wide.range(31, 0), wide.range(63, 32),
                                              digest.range(32 * DIGEST_WORDS - 1, 32 * DIGEST_WORDS - 32)};
    for (int i = 0; i < TRIGGER_WORDS; i++) {
#pragma HLS PIPELINE
        out[i].data = words[i];
        out[i].last = is_last && i == TRIGGER_WORDS - 1;
    }
}
