// The trigger behind AXI streams of 32-bit words, the top function on a board with a processor.
// In: the event's integers, a word each. Out: TRIGGER_WORDS words, always in this order:
// accept bits (the first working point in bit 0), score's low half, score's high half, and the first
// 8 digits of the network's SHA-256. The digest comes with the events as hls4ml's block design has
// two streams and no register that a processor could read.
#ifndef MYPROJECT_AXI_H_
#define MYPROJECT_AXI_H_

#include "trigger_config.h"

#define TRIGGER_WORDS 4

struct axi_word {
    ap_uint<32> data;
    ap_uint<1> last;
};

void myproject_axi(axi_word in[TRIGGER_INPUTS], axi_word out[TRIGGER_WORDS]);

#endif
