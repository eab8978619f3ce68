// One event through the top function, whichever its interface: for the test bench and csim.
#ifndef TRIGGER_HOST_H_
#define TRIGGER_HOST_H_

#include "trigger_config.h"

#if TRIGGER_AXI
#include "myproject_axi.h"
#endif

// x: the event's integers. accept: one byte a working point.
inline void run_top(const long long *x, unsigned long long &score, unsigned char *accept) {
#if TRIGGER_AXI
    axi_word in[TRIGGER_INPUTS], out[TRIGGER_WORDS];
    for (int i = 0; i < TRIGGER_INPUTS; i++) {
        in[i].data = x[i];
        in[i].last = i == TRIGGER_INPUTS - 1;
    }
    myproject_axi(in, out);
    const ap_uint<32> bits = out[0].data;
    score = out[2].data.to_uint64() << 32 | out[1].data.to_uint64();
#else
    input_t in[TRIGGER_INPUTS];
    for (int i = 0; i < TRIGGER_INPUTS; i++)
        in[i] = x[i];
    trigger_score_t found;
    ap_uint<TRIGGER_POINTS> bits;
    trigger(in, found, bits);
    score = found.to_uint64();
#endif
    for (int i = 0; i < TRIGGER_POINTS; i++)
        accept[i] = bits[i];
}

#endif
