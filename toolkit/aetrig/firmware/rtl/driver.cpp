// Clocks the verilated bench through a stream and records its outputs after every cycle.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "Vbench.h"
#include "verilated.h"

namespace {
constexpr std::size_t WORD = sizeof(std::uint32_t);

template <typename Port>
void record(const Port& port, std::uint32_t* row) {
    std::memcpy(row, port.data(), sizeof(port));
}
}  // namespace

// x: cycles rows of x_words words; valid_in, rst: one byte a cycle. The inputs of cycle t are there
// at rising edge t; row t of the outputs is what stands after that edge. Registers start at random.
extern "C" void aetrig_clock(const std::uint32_t* x, const std::uint8_t* valid_in,
                             const std::uint8_t* rst, std::size_t cycles, std::uint64_t seed,
                             std::uint8_t* valid_out, std::uint32_t* y, std::uint32_t* score,
                             std::uint32_t* accept) {
    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    context->randSeed(static_cast<int>(seed));
    const auto bench = std::make_unique<Vbench>(context.get());
    for (std::size_t t = 0; t < cycles; ++t) {
        bench->clk = 0;
        bench->rst = rst[t];
        bench->valid_in = valid_in[t];
        std::memcpy(bench->x.data(), x + t * (sizeof(bench->x) / WORD), sizeof(bench->x));
        bench->eval();
        bench->clk = 1;
        bench->eval();
        valid_out[t] = bench->valid_out;
        record(bench->y, y + t * (sizeof(bench->y) / WORD));
        record(bench->score, score + t * (sizeof(bench->score) / WORD));
        record(bench->accept, accept + t * (sizeof(bench->accept) / WORD));
    }
    bench->final();
}

// digest: 8 words, the lowest first, of what stands at the port network_digest without any clock.
extern "C" void aetrig_network_digest(std::uint32_t* digest) {
    const auto context = std::make_unique<VerilatedContext>();
    const auto bench = std::make_unique<Vbench>(context.get());
    bench->eval();
    record(bench->network_digest, digest);
    bench->final();
}
