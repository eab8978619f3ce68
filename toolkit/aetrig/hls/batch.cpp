// Runs a batch of events through a generated project, with every traced layer's values.
//
// Included behind hls4ml's bridge, which defines the trace storage and the function TOP, from doubles
// to doubles. hls4ml's own driver calls that from Python, event by event.
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace nnet {
extern bool trace_enabled;
extern std::map<std::string, void *> *trace_outputs;
extern size_t trace_type_size;
} // namespace nnet

namespace {
void call(void (*top)(double *, double *), double *input, double *output, double *) { top(input, output); }

// a network that gives the score's reference beside its output
void call(void (*top)(double *, double *, double *), double *input, double *output, double *reference) {
    top(input, reference, output);
}

// the Quartus bridge also tells its sizes
void call(void (*top)(double *, double *, unsigned short &, unsigned short &), double *input, double *output,
          double *) {
    unsigned short inputs, outputs;
    top(input, output, inputs, outputs);
}
} // namespace

// x: events rows of inputs numbers, y: events rows of outputs numbers.
// values[i]: events rows of widths[i] numbers, filled with the output of the layer names[i].
extern "C" void aetrig_run(double *x, double *y, size_t events, size_t inputs, size_t outputs,
                           const char *const *names, double *const *values, const size_t *widths,
                           size_t layers) {
    std::map<std::string, void *> where;
    nnet::trace_outputs = &where;
    nnet::trace_type_size = sizeof(double);
    nnet::trace_enabled = layers > 0;
    std::vector<double> reference(outputs); // as wide as the output that it is compared with
    for (size_t event = 0; event < events; event++) {
        for (size_t i = 0; i < layers; i++)
            where[names[i]] = values[i] + event * widths[i];
        call(TOP, x + event * inputs, y + event * outputs, reference.data());
    }
    nnet::trace_enabled = false;
    nnet::trace_outputs = NULL;
}

#ifdef AETRIG_TRIGGER
#include "firmware/trigger_host.h"

namespace {
void one_event(const long long *x, unsigned long long &score, unsigned char *accept) {
#ifdef HOST_DIGEST_WORDS
    unsigned digest[HOST_DIGEST_WORDS];
    run_top(x, score, accept, digest);
#else // a project made before the top function gave the network's digest
    run_top(x, score, accept);
#endif
}
} // namespace

// x: events rows of inputs numbers; score: one number an event; accept: events rows of points bytes.
extern "C" void aetrig_trigger(const long long *x, size_t events, unsigned long long *score, unsigned char *accept) {
    for (size_t event = 0; event < events; event++)
        one_event(x + event * TRIGGER_INPUTS, score[event], accept + event * TRIGGER_POINTS);
}

#ifdef HOST_DIGEST_WORDS

// digest: at least DIGEST_WORDS words, of which those are written that the top function gives with
// an event of zeros. Returns how many.
extern "C" size_t aetrig_network_digest(unsigned *digest) {
    const long long x[TRIGGER_INPUTS] = {0};
    unsigned long long score;
    unsigned char accept[TRIGGER_POINTS];
    run_top(x, score, accept, digest);
    return HOST_DIGEST_WORDS;
}
#endif
#endif
