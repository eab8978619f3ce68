// Several threads evaluate by the libraries of several networks, each result compared bit for bit,
// while another thread loads and unloads copies of the same libraries.
//
//   driver SECONDS INTERVAL THREADS SEED SCRATCH  then for each network: LIBRARY PREFIX REFERENCE
//
// REFERENCE: ten 64-bit integers (events, features, outputs, points, has a trigger, narrow inputs, an
// input outside its wires, and three of nothing), then x and y (int32), score (int64), accept (uint8).
// Prints a line of JSON every INTERVAL seconds. Status 1 at the first difference.
#include <dirent.h>
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

using Run32 = int (*)(int, int, const int32_t *, size_t, int32_t *, int64_t *, uint8_t *);
using Run16 = int (*)(int, int, const int16_t *, size_t, int32_t *, int64_t *, uint8_t *);
using Number = int (*)(int);
using Text = const char *(*)();
using Clock = std::chrono::steady_clock;

static std::atomic<bool> over{false};
static std::atomic<uint64_t> events_done{0}, calls{0}, loads{0}, refusals{0};

[[noreturn]] static void fail(const std::string &what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::_Exit(1);
}

struct Reference {
    size_t events, features, outputs, points;
    bool trigger, narrow;
    int32_t outside; // a value that no wire of the first feature can have; 0: there is none
    std::vector<int32_t> x, y;
    std::vector<int16_t> x16;
    std::vector<int64_t> score;
    std::vector<uint8_t> accept;

    explicit Reference(const char *name) {
        std::FILE *file = std::fopen(name, "rb");
        int64_t head[10];
        if (!file)
            fail(std::string(name) + " cannot be opened");
        read(file, head, 10);
        events = head[0], features = head[1], outputs = head[2], points = head[3];
        trigger = head[4], narrow = head[5], outside = static_cast<int32_t>(head[6]);
        x.resize(events * features), y.resize(events * outputs);
        score.resize(trigger ? events : 0), accept.resize(events * points);
        read(file, x.data(), x.size()), read(file, y.data(), y.size());
        read(file, score.data(), score.size()), read(file, accept.data(), accept.size());
        std::fclose(file);
        x16.assign(x.begin(), x.end());
    }

    template <class T> static void read(std::FILE *file, T *to, size_t count) {
        if (std::fread(to, sizeof(T), count, file) != count)
            fail("a reference is not whole");
    }
};

// What a library gives, by its names.
struct Interface {
    void *handle;
    Run32 run;
    Run16 run16;
    Number has, choose;
    Text digest;

    Interface(const std::string &library, const std::string &prefix) : handle(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (!handle)
            fail(dlerror());
        run = find<Run32>(prefix + "_run_threads"), run16 = find<Run16>(prefix + "_run16_threads");
        has = find<Number>(prefix + "_has_path"), choose = find<Number>(prefix + "_choose");
        digest = find<Text>(prefix + "_digest");
    }
    template <class F> F find(const std::string &name) const {
        void *found = dlsym(handle, name.c_str());
        if (!found)
            fail(name + " is missing");
        return reinterpret_cast<F>(found);
    }
};

// Results of a thread, with words before and behind that nobody may write.
template <class T> class Guarded {
    static constexpr size_t margin = 64;
    std::vector<T> held;

  public:
    explicit Guarded(size_t most) : held(most + 2 * margin, T(0x5a)) {}
    T *begin() { return held.data() + margin; }
    bool untouched(size_t used) const {
        for (size_t i = 0; i < margin; i++)
            if (held[i] != T(0x5a) || held[margin + used + i] != T(0x5a))
                return false;
        return true;
    }
    void clear(size_t used) { std::fill_n(begin(), used, T(0x5a)); }
};

static constexpr size_t most = 6000; // events of a call: several stretches of the library's own threads

struct Network {
    std::string library, prefix;
    Reference reference;
    Interface loaded;
    std::string digest;
    Network(const char *library_, const char *prefix_, const char *reference_)
        : library(library_), prefix(prefix_), reference(reference_), loaded(library, prefix), digest(loaded.digest()) {}
};

struct Buffers {
    Guarded<int32_t> y;
    Guarded<int64_t> score;
    Guarded<uint8_t> accept;
    explicit Buffers(const std::vector<Network> &networks) : y(largest(networks, 0)), score(most), accept(largest(networks, 1)) {}
    static size_t largest(const std::vector<Network> &networks, int which) {
        size_t found = 0;
        for (const Network &network : networks)
            found = std::max(found, most * (which ? network.reference.points : network.reference.outputs));
        return found;
    }
};

// One call on a random stretch, by a random path and interface; every result compared.
static void evaluate(const Interface &by, const Network &network, Buffers &out, std::mt19937_64 &random) {
    const Reference &want = network.reference;
    static const size_t sizes[] = {1, 2, 13, 64, 127, 129, 500, 2100, most};
    const size_t events = std::min(want.events, sizes[random() % 9]);
    const size_t first = random() % (want.events - events + 1);
    const int path = static_cast<int>(random() % 7), threads = random() % 8 ? 1 : 3;
    if (path && !by.has(path))
        return;
    const size_t ys = events * want.outputs, accepts = events * want.points;
    int64_t *score = want.trigger ? out.score.begin() : nullptr;
    uint8_t *accept = want.trigger ? out.accept.begin() : nullptr;
    const int code = want.narrow && random() % 2
                         ? by.run16(path, threads, want.x16.data() + first * want.features, events, out.y.begin(), score, accept)
                         : by.run(path, threads, want.x.data() + first * want.features, events, out.y.begin(), score, accept);
    const bool same = code == 0 && !std::memcmp(out.y.begin(), want.y.data() + first * want.outputs, ys * sizeof(int32_t)) &&
                      (!score || (!std::memcmp(score, want.score.data() + first, events * sizeof(int64_t)) &&
                                  !std::memcmp(accept, want.accept.data() + first * want.points, accepts)));
    const bool inside = out.y.untouched(ys) && out.score.untouched(score ? events : 0) && out.accept.untouched(accept ? accepts : 0);
    if (!same || !inside)
        fail(network.prefix + ": path " + std::to_string(path) + ", " + std::to_string(events) + " events from " + std::to_string(first) +
             ": code " + std::to_string(code) + (inside ? ", a result differs" : ", written beyond the results"));
    out.y.clear(ys), out.score.clear(score ? events : 0), out.accept.clear(accept ? accepts : 0);
    events_done += events, calls++;
}

// An input outside its wires has to be refused, wherever it lies.
static void refuse(const Interface &by, const Network &network, Buffers &out, std::mt19937_64 &random) {
    const Reference &want = network.reference;
    if (!want.outside)
        return;
    const size_t events = 1 + random() % 130;
    std::vector<int32_t> x(want.x.begin(), want.x.begin() + static_cast<long>(events * want.features));
    x[(random() % events) * want.features] = want.outside;
    int64_t *score = want.trigger ? out.score.begin() : nullptr;
    uint8_t *accept = want.trigger ? out.accept.begin() : nullptr;
    if (by.run(0, 1, x.data(), events, out.y.begin(), score, accept) != 1)
        fail(network.prefix + ": an input outside its wires was taken");
    out.y.clear(events * want.outputs), out.score.clear(score ? events : 0), out.accept.clear(accept ? events * want.points : 0);
    refusals++;
}

static void work(const std::vector<Network> *networks, uint64_t seed) {
    std::mt19937_64 random(seed);
    Buffers out(*networks);
    while (!over) {
        const Network &network = (*networks)[random() % networks->size()];
        evaluate(network.loaded, network, out, random);
        if (random() % 50 == 0)
            refuse(network.loaded, network, out, random);
        if (random() % 200 == 0)
            network.loaded.choose(0); // measured anew, while others are at work
    }
}

// A copy under a name of its own is loaded anew each time: the loader shares equal names.
static void load_and_unload(const std::vector<Network> *networks, const std::string scratch, uint64_t seed) {
    std::mt19937_64 random(seed);
    Buffers out(*networks);
    std::vector<std::string> copies;
    for (const Network &network : *networks) {
        copies.push_back(scratch + "/copy" + std::to_string(seed) + network.prefix + ".so");
        if (std::system(("cp '" + network.library + "' '" + copies.back() + "'").c_str()))
            fail("a library cannot be copied");
    }
    while (!over) {
        const size_t which = random() % networks->size();
        const Network &network = (*networks)[which];
        Interface again(copies[which], network.prefix);
        if (again.handle == network.loaded.handle || network.digest != again.digest())
            fail(network.prefix + ": another version answers");
        for (int i = 0; i < 4; i++)
            evaluate(again, network, out, random);
        if (dlclose(again.handle))
            fail(dlerror());
        if (void *still = dlopen(copies[which].c_str(), RTLD_NOW | RTLD_NOLOAD)) {
            dlclose(still);
            fail(network.prefix + " was not unloaded");
        }
        loads++;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

static size_t resident() {
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    size_t size = 0, pages = 0;
    if (!file || std::fscanf(file, "%zu %zu", &size, &pages) != 2)
        fail("/proc/self/statm cannot be read");
    std::fclose(file);
    return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

static size_t lines(const char *name) {
    std::FILE *file = std::fopen(name, "r");
    size_t found = 0;
    for (int c; file && (c = std::fgetc(file)) != EOF;)
        found += c == '\n';
    if (file)
        std::fclose(file);
    return found;
}

static size_t entries(const char *name) {
    DIR *folder = opendir(name);
    size_t found = 0;
    while (folder && readdir(folder))
        found++;
    if (folder)
        closedir(folder);
    return found;
}

int main(int count, char **words) {
    if (count < 9 || (count - 6) % 3)
        fail("SECONDS INTERVAL THREADS SEED SCRATCH [LIBRARY PREFIX REFERENCE]...");
    const double seconds = std::atof(words[1]), interval = std::atof(words[2]);
    const int threads = std::atoi(words[3]);
    const uint64_t seed = std::strtoull(words[4], nullptr, 10);
    std::vector<Network> networks;
    networks.reserve(static_cast<size_t>(count / 3));
    for (int i = 6; i < count; i += 3)
        networks.emplace_back(words[i], words[i + 1], words[i + 2]);
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; i++)
        pool.emplace_back(work, &networks, seed + static_cast<uint64_t>(i));
    pool.emplace_back(load_and_unload, &networks, std::string(words[5]), seed + 1000);
    const auto start = Clock::now();
    for (double next = interval, now = 0; now < seconds; next += interval) {
        std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(next, seconds))));
        now = std::chrono::duration<double>(Clock::now() - start).count();
        std::printf("{\"seconds\": %.1f, \"events\": %llu, \"calls\": %llu, \"loads\": %llu, \"refusals\": %llu, \"resident\": %zu, \"maps\": %zu, \"files\": %zu}\n",
                    now, (unsigned long long)events_done.load(), (unsigned long long)calls.load(), (unsigned long long)loads.load(),
                    (unsigned long long)refusals.load(), resident(), lines("/proc/self/maps"), entries("/proc/self/fd"));
        std::fflush(stdout);
    }
    over = true;
    for (std::thread &thread : pool)
        thread.join();
    for (const Network &network : networks)
        dlclose(network.loaded.handle);
    return 0;
}
