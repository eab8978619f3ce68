// One event through the top function, whichever its interface: for the test bench and csim.
#ifndef TRIGGER_HOST_H_
#define TRIGGER_HOST_H_

#include "trigger_config.h"

#if TRIGGER_AXI
#include "myproject_axi.h"
#define HOST_DIGEST_WORDS 1
#else
#define HOST_DIGEST_WORDS DIGEST_WORDS
#endif

// x: the event's integers. accept: one byte a working point. digest: HOST_DIGEST_WORDS words of the
// network's SHA-256, the first digits first.
inline void run_top(const long long *x, unsigned long long &score, unsigned char *accept, unsigned *digest) {
#if TRIGGER_AXI
    axi_word in[TRIGGER_INPUTS], out[TRIGGER_WORDS];
    for (int i = 0; i < TRIGGER_INPUTS; i++) {
        in[i].data = x[i];
        in[i].last = i == TRIGGER_INPUTS - 1;
    }
    myproject_axi(in, out);
    const ap_uint<32> bits = out[0].data;
    score = out[2].data.to_uint64() << 32 | out[1].data.to_uint64();
    digest[0] = out[3].data.to_uint();
#else
    input_t in[TRIGGER_INPUTS];
    for (int i = 0; i < TRIGGER_INPUTS; i++)
        in[i] = x[i];
    trigger_score_t found;
    ap_uint<TRIGGER_POINTS> bits;
    ap_uint<32 * DIGEST_WORDS> number;
    trigger(in, found, bits, number);
    score = found.to_uint64();
    for (int i = 0; i < DIGEST_WORDS; i++) {
        const ap_uint<32> word = number >> (32 * (DIGEST_WORDS - 1 - i));
        digest[i] = word.to_uint();
    }
#endif
    for (int i = 0; i < TRIGGER_POINTS; i++)
        accept[i] = bits[i];
}

#endif
