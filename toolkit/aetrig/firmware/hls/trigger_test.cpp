// Test bench of the trigger: a line of tb_data/tb_input_features.dat an event, and beside it a line
// of tb_data/tb_output_predictions.dat with score and accept bits; tb_data/tb_network_digest.dat has
// the SHA-256 of the network that these are of. Exit code 1 where any differs.
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

#include "firmware/trigger_host.h"

// hls4ml's layers ask whether to keep their values
namespace nnet {
bool trace_enabled = false;
std::map<std::string, void *> *trace_outputs = NULL;
size_t trace_type_size = sizeof(double);
} // namespace nnet

// build_prj.tcl compares the two logs
#ifdef RTL_SIM
#define RESULTS "tb_data/rtl_cosim_results.log"
#else
#define RESULTS "tb_data/csim_results.log"
#endif

int main() {
    std::ifstream inputs("tb_data/tb_input_features.dat");
    std::ifstream expected("tb_data/tb_output_predictions.dat");
    if (!inputs.is_open() || !expected.is_open()) {
        std::cerr << "tb_data is missing beside the test bench" << std::endl;
        return 1;
    }
    std::ofstream results(RESULTS);
    std::string row, wanted, network;
    std::ifstream("tb_data/tb_network_digest.dat") >> network;
    int events = 0, differing = 0, others = 0;
    while (std::getline(inputs, row) && std::getline(expected, wanted)) {
        std::istringstream numbers(row);
        long long x[TRIGGER_INPUTS];
        for (int i = 0; i < TRIGGER_INPUTS; i++)
            numbers >> x[i];
        unsigned long long score;
        unsigned char accept[TRIGGER_POINTS];
        unsigned digest[HOST_DIGEST_WORDS];
        run_top(x, score, accept, digest);
        std::ostringstream said;
        for (int i = 0; i < HOST_DIGEST_WORDS; i++)
            said << std::hex << std::setw(8) << std::setfill('0') << digest[i];
        others += said.str() != network.substr(0, said.str().size());
        std::ostringstream found;
        found << score;
        for (int i = 0; i < TRIGGER_POINTS; i++)
            found << " " << int(accept[i]);
        results << found.str() << std::endl;
        differing += found.str() != wanted;
        events++;
    }
    std::cout << events << " events, " << differing << " differing" << std::endl;
    if (others != 0)
        std::cout << "the vectors are of another network than the firmware: its digest differs" << std::endl;
    return events == 0 || differing != 0 || others != 0;
}
