// Every step in the vocabulary of avx2.hpp or avx512.hpp: outputs in the lanes, events in registers.
// Included behind one of them, in its namespace.

template <class Step> AETRIG_INLINE V settled32(V u) {
    if constexpr (Step::left > 0)
        u = left32(clamp32(u, set32(Step::least), set32(Step::most)), Step::left);
    V r = Step::right > 0 ? right32(u, Step::right) : u;
    if constexpr (Step::ties)
        r = less_one_where32(r, u, set32(int32_t((2u << Step::right) - 1)), set32(int32_t(1u << Step::right)));
    return Step::after ? add32(r, set32(Step::after)) : r;
}

template <class Step> AETRIG_INLINE V settled16(V u) {
    if constexpr (Step::left > 0)
        u = multiply16(clamp16(u, set16(Step::least), set16(Step::most)), set16(int16_t(1 << Step::left)));
    V r = Step::right > 0 ? right16(u, Step::right) : u;
    if constexpr (Step::ties)
        r = less_one_where16(r, u, set16(int16_t((2 << Step::right) - 1)), set16(int16_t(1 << Step::right)));
    return Step::after ? add16(r, set16(Step::after)) : r;
}

// Clamps words to the step's limits, where packing them does not do it.
template <class Step> AETRIG_INLINE V limited16(V r) {
    constexpr bool bytes = std::is_same_v<typename Step::Stored, uint8_t>;
    constexpr bool whole = Step::low == (bytes ? 0 : INT16_MIN) && Step::high == (bytes ? UINT8_MAX : INT16_MAX);
    return whole ? r : clamp16(r, set16(int16_t(Step::low)), set16(int16_t(Step::high)));
}

template <class Layer, int vectors>
AETRIG_INLINE void store_sums(typename Layer::Stored *to, const V (&sums)[vectors]) {
    V first = sums[0], last = sums[vectors - 1];
    if constexpr (std::is_same_v<typename Layer::Stored, int32_t>) {
        for (int v = 0; v < vectors; v++)
            store_some(to + v * lanes, clamp32(settled32<Layer>(sums[v]), set32(Layer::low), set32(Layer::high)), lanes);
    } else if constexpr (Layer::narrow) {
        store_packed(to, limited16<Layer>(settled16<Layer>(packed(first, last))), vectors);
    } else {
        V words = packed(settled32<Layer>(first), settled32<Layer>(last));
        store_packed(to, limited16<Layer>(words), vectors);
    }
}

// A run of groups, each half of them summed in 16 bits, added to the sums.
template <class Layer, int N, int vectors, class Before>
AETRIG_INLINE void add_run(int column, int first, const Row<Before> (&in)[N], V (&sums)[N][vectors]) {
    constexpr int run = Layer::run;
    V words[N][vectors] = {};
#pragma GCC unroll 2
    for (int g = first; g < (first + run < Layer::groups ? first + run : Layer::groups); g++) {
        V weight[vectors];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            weight[v] = load(Layer::weight + (g * Layer::padded + column + v * lanes) * Layer::group);
#pragma GCC unroll 16
        for (int e = 0; e < N; e++) {
            int32_t group;
            memcpy(&group, in[e].at + g * Layer::group, 4);
            V x = set32(group);
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                words[e][v] = add16(words[e][v], products16(x, weight[v]));
        }
    }
#pragma GCC unroll 16
    for (int e = 0; e < N; e++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            sums[e][v] = add32(sums[e][v], products32(words[e][v], set16(1)));
}

// The outputs from ``column`` on: ``vectors`` vectors of sums for each of N events. A single event
// has its sums in parts: one sum would wait for itself.
template <class Layer, int N, int vectors, class Before>
AETRIG_INLINE void columns(int column, const Row<Before> (&in)[N], Row<Layer> (&out)[N]) {
    constexpr bool in_words = Layer::run > 1 && !multiplies_fours;
    constexpr int parts = N == 1 && !in_words ? 4 : 1;
    V sums[parts][N][vectors];
#pragma GCC unroll 16
    for (int e = 0; e < N; e++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++) {
            sums[0][e][v] = load(Layer::bias + column + v * lanes);
#pragma GCC unroll 16
            for (int part = 1; part < parts; part++)
                sums[part][e][v] = set32(0);
        }
    if constexpr (in_words) {
        for (int first = 0; first < Layer::groups; first += Layer::run)
            add_run<Layer>(column, first, in, sums[0]);
    } else {
#pragma GCC unroll 4
        for (int g = 0; g < Layer::groups; g++) {
            V weight[vectors];
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                weight[v] = load(Layer::weight + (g * Layer::padded + column + v * lanes) * Layer::group);
#pragma GCC unroll 16
            for (int e = 0; e < N; e++) {
                int32_t group;
                memcpy(&group, in[e].at + g * Layer::group, 4);
                V x = set32(group);
#pragma GCC unroll 16
                for (int v = 0; v < vectors; v++) {
                    V &sum = sums[g % parts][e][v];
                    sum = Layer::group == 4 ? dot8<Layer::pairs>(sum, x, weight[v]) : dot16(sum, x, weight[v]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int e = 0; e < N; e++) {
        if constexpr (parts > 1)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++)
                sums[0][e][v] = add32(add32(sums[0][e][v], sums[1][e][v]), add32(sums[2][e][v], sums[3][e][v]));
        store_sums<Layer, vectors>(out[e].at + column, sums[0][e]);
    }
}

template <class Layer, class Before, int N>
AETRIG_STEP void dense(const Row<Before> (&in)[N], Row<Layer> (&out)[N]) {
    if constexpr (Layer::group == 1) {
        for (int e = 0; e < N; e++)
            dense_portably<Layer>(in[e], out[e]);
    } else {
        constexpr int step = most_vectors * lanes, whole = Layer::padded / step * step;
        for (int column = 0; column < whole; column += step)
            columns<Layer, N, most_vectors>(column, in, out);
        if constexpr (whole < Layer::padded)
            columns<Layer, N, 1>(whole, in, out);
    }
}

AETRIG_INLINE V words_of(const int16_t *x, int count) { return load_some(x, count); }
AETRIG_INLINE V words_of(const int32_t *x, int count) {
    V second = count > lanes ? load_some(x + lanes, count - lanes) : set32(0);
    return ordered(packed(load_some(x, count), second));
}
AETRIG_INLINE V longs_of(const int16_t *x, int count) { return widened(x, count); }
AETRIG_INLINE V longs_of(const int32_t *x, int count) { return load_some(x, count); }

// Marks in ``outside`` what a wire cannot hold.
template <class In, class T> AETRIG_INLINE V scaled32(const T *x, int i, V &outside) {
    if (i >= In::width)
        return settled32<In>(load(In::addend + i)); // padding
    V value = longs_of(x + i, In::width - i);
    outside = or_bits(outside, xor_bits(value, clamp32(value, load(In::wire_low + i), load(In::wire_high + i))));
    value = clamp32(value, load(In::floor + i), load(In::ceiling + i));
    return settled32<In>(add32(multiply32(value, load(In::factor + i)), load(In::addend + i)));
}

template <class In, class T> AETRIG_INLINE void scale_row(const T *x, Row<In> &row, V &outside) {
    constexpr int step = 2 * lanes;
    for (int i = 0; i < up_to(step, In::width); i += step) {
        if constexpr (std::is_same_v<typename In::Word, int16_t>) {
            V value = words_of(x + i, In::width - i);
            if constexpr (In::wires16)
                outside = or_bits(outside, xor_bits(value, clamp16(value, load(In::wire_low16 + i), load(In::wire_high16 + i))));
            value = clamp16(value, load(In::floor + i), load(In::ceiling + i));
            V u = add16(In::unscaled ? value : multiply16(value, load(In::factor + i)), load(In::addend + i));
            store_ordered(row.at + i, limited16<In>(settled16<In>(u)));
        } else {
            V sums[2] = {scaled32<In>(x, i, outside), scaled32<In>(x, i + lanes, outside)};
            if constexpr (std::is_same_v<typename In::Stored, int32_t>) {
                for (int v = 0; v < 2; v++)
                    store_some(row.at + i + v * lanes, clamp32(sums[v], set32(In::low), set32(In::high)), lanes);
            } else {
                store_packed(row.at + i, limited16<In>(packed(sums[0], sums[1])), 2);
            }
        }
    }
}

// Returns whether all is in the wires' range, where it is checked.
template <class In, int N, class T> AETRIG_INLINE bool scale(bool check, const T *x, Row<In> (&rows)[N]) {
    constexpr bool longs = std::is_same_v<typename In::Word, int64_t>;
    constexpr bool here = !longs && (In::wires16 || !std::is_same_v<typename In::Word, int16_t>);
    if (!here && check && first_outside<In>(x, N) != N)
        return false;
    V outside = set32(0);
    for (int e = 0; e < N; e++) {
        if constexpr (longs)
            scale_portably<In>(x + e * In::width, rows[e]);
        else
            scale_row<In>(x + e * In::width, rows[e], outside);
    }
    return !here || !check || is_zero(outside);
}

// 16 stored integers as words
AETRIG_INLINE __m256i sixteen(const uint8_t *at) { return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)at)); }
AETRIG_INLINE __m256i sixteen(const int16_t *at) { return _mm256_loadu_si256((const __m256i *)at); }

AETRIG_INLINE int32_t sum_of(__m256i v) {
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1)));
}

template <class Score, class Last, class Reference>
AETRIG_INLINE int64_t scored(const Row<Last> &output, const Row<Reference> &reference) {
    if constexpr (!Score::words) {
        return score_portably<Score>(output, reference);
    } else {
        __m256i sum = _mm256_setzero_si256();
#pragma GCC unroll 8
        for (int i = 0; i < Last::padded; i += 16) {
            __m256i d = _mm256_slli_epi16(sixteen(output.at + i), Score::output_left);
            if constexpr (Score::reference >= 0) {
                __m256i r = _mm256_slli_epi16(sixteen(reference.at + i), Score::reference_left);
                d = _mm256_add_epi16(_mm256_sub_epi16(d, r), _mm256_set1_epi16(int16_t(Score::addend)));
            }
            if constexpr (!Score::square)
                d = _mm256_abs_epi16(d);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(d, Score::square ? d : _mm256_set1_epi16(1)));
        }
        return sum_of(sum);
    }
}

template <class Last> AETRIG_INLINE void write(const Row<Last> &output, int32_t *y) {
    if constexpr (std::is_same_v<typename Last::Stored, int32_t>) {
        memcpy(y, output.at, 4 * Last::outputs);
    } else {
#pragma GCC unroll 8
        for (int i = 0; i < Last::outputs; i += lanes)
            store_some(y + i, widened(output.at + i, lanes), Last::outputs - i);
    }
}
