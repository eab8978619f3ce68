// Clocks the verilated bench through a stream in which single bits of registers flip.
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

// As aetrig_clock of the project's own driver; at the rising edge of cycle cycle[i] (ascending, each
// once) the bit bit[i] of all registers, in the order of bench.flip, takes the opposite value.
extern "C" void trial_clock(const std::uint32_t* x, const std::uint8_t* valid_in,
                            const std::uint8_t* rst, std::size_t cycles, const std::size_t* cycle,
                            const std::size_t* bit, std::size_t flips, std::uint8_t* valid_out,
                            std::uint32_t* y, std::uint32_t* score, std::uint32_t* accept) {
    const auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    context->randSeed(1);
    const auto bench = std::make_unique<Vbench>(context.get());
    std::memset(bench->flip.data(), 0, sizeof(bench->flip));
    std::size_t next = 0;
    for (std::size_t t = 0; t < cycles; ++t) {
        const bool now = next < flips && cycle[next] == t;
        if (now) bench->flip[bit[next] / 32] = std::uint32_t{1} << (bit[next] % 32);
        bench->clk = 0;
        bench->rst = rst[t];
        bench->valid_in = valid_in[t];
        std::memcpy(bench->x.data(), x + t * (sizeof(bench->x) / WORD), sizeof(bench->x));
        bench->eval();
        bench->clk = 1;
        bench->eval();
        if (now) bench->flip[bit[next++] / 32] = 0;
        valid_out[t] = bench->valid_out;
        record(bench->y, y + t * (sizeof(bench->y) / WORD));
        record(bench->score, score + t * (sizeof(bench->score) / WORD));
        record(bench->accept, accept + t * (sizeof(bench->accept) / WORD));
    }
    bench->final();
}
