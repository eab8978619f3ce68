// Test bench of the trigger: a line of tb_data/tb_input_features.dat an event, and beside it a line
// of tb_data/tb_output_predictions.dat with score and accept bits. Exit code 1 where any differs.
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "firmware/trigger_config.h"

// hls4ml's layers ask whether to keep their values
namespace nnet {
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
} // namespace nnet

int main() {
    std::ifstream inputs("tb_data/tb_input_features.dat");
    std::ifstream expected("tb_data/tb_output_predictions.dat");
    if (!inputs.is_open() || !expected.is_open()) {
        std::cerr << "tb_data is missing beside the test bench" << std::endl;
        return 1;
    }
    std::ofstream results("tb_data/csim_results.log");
    std::string row, wanted_row;
    int events = 0, differing = 0;
    while (std::getline(inputs, row) && std::getline(expected, wanted_row)) {
        std::istringstream numbers(row), wanted(wanted_row);
        input_t x[TRIGGER_INPUTS];
        for (int i = 0; i < TRIGGER_INPUTS; i++) {
            double value;
            numbers >> value;
            x[i] = value;
        }
        trigger_score_t score;
        ap_uint<TRIGGER_POINTS> accept;
        trigger(x, score, accept);
        std::ostringstream found;
        found << score.to_uint64();
        for (int i = 0; i < TRIGGER_POINTS; i++)
            found << " " << int(accept[i]);
        results << found.str() << std::endl;
        differing += found.str() != wanted_row;
        events++;
    }
    std::cout << events << " events, " << differing << " differing" << std::endl;
    return events == 0 || differing != 0;
}
