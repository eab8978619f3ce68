// Every step with events in the lanes: a vector holds one pair of a row's numbers for many events,
// and a weight is the same for all of them. Pairs of zero weights are not in the program at all.
// Included behind vector.hpp, in its namespace.
//
// A plane holds the pairs of a row, [pair][event][2]. Of bytes, a vector has 2 * lanes events in
// their order; of words, two vectors have them, in the order of `unpack_low` and `unpack_high`.

constexpr int words_a_vector = 2 * lanes;

template <class Step> constexpr int pairs_of = (Step::outputs + 1) / 2;

template <class Step, int B> struct Plane {
    alignas(64) typename Step::Stored at[2 * pairs_of<Step> * B];
};

// Where number j of event e is.
template <class Step, int B> AETRIG_INLINE int place(int j, int e) {
    if constexpr (sizeof(typename Step::Stored) == 2)
        e = (e & -words_a_vector) | (e & 4) / 4 * lanes | (e & (words_a_vector - 1)) / 8 * 4 | (e & 3);
    return (j / 2 * B + e) * 2 + j % 2;
}

// Settled words r0 and r1 of 2 * lanes events, to pair p from event e on, within the step's limits.
template <class Step, int B> AETRIG_INLINE void put(Plane<Step, B> &plane, int p, int e, V r0, V r1) {
    auto *to = plane.at + (p * B + e) * 2;
    r0 = limited16<Step>(r0);
    r1 = limited16<Step>(r1);
    if constexpr (sizeof(*to) == 1) {
        store(to, merged8(pack_bytes(r0, r1)));
    } else {
        store(to, unpack_low16(r0, r1));
        store(to + words_a_vector, unpack_high16(r0, r1));
    }
}

constexpr int at_once = 4; // vectors of each of two outputs: 8 sums, of 16 registers

template <bool bytes> AETRIG_INLINE V plus_products(V sum, V x, V weights) {
    return bytes ? add16(sum, products16(x, weights)) : add32(sum, products32(x, weights));
}

// Adds a chunk's terms to the sums of two outputs. ``x``: the first vector of the first pair;
// ``stride``: bytes from a pair to the next.
template <class Layer, bool bytes>
AETRIG_INLINE void sum_chunk(const char *x, int stride, int chunk, V (&sums)[2][at_once]) {
    for (int t = Layer::both_from[chunk]; t < Layer::both_from[chunk + 1]; t++) {
        const char *pair = x + Layer::both[t] * stride;
        V first = set32(Layer::both_factor[2 * t]), second = set32(Layer::both_factor[2 * t + 1]);
#pragma GCC unroll 4
        for (int v = 0; v < at_once; v++) {
            V values = load(pair + v * sizeof(V));
            sums[0][v] = plus_products<bytes>(sums[0][v], values, first);
            sums[1][v] = plus_products<bytes>(sums[1][v], values, second);
        }
    }
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++)
        for (int t = Layer::one_from[2 * chunk + h]; t < Layer::one_from[2 * chunk + h + 1]; t++) {
            const char *pair = x + Layer::one[t] * stride;
            V factor = set32(Layer::one_factor[t]);
#pragma GCC unroll 4
            for (int v = 0; v < at_once; v++)
                sums[h][v] = plus_products<bytes>(sums[h][v], load(pair + v * sizeof(V)), factor);
        }
}

template <class Layer> AETRIG_INLINE void start_chunk(int chunk, V (&sums)[2][at_once]) {
#pragma GCC unroll 2
    for (int h = 0; h < 2; h++)
#pragma GCC unroll 4
        for (int v = 0; v < at_once; v++)
            sums[h][v] = set16(Layer::start[2 * chunk + h]);
}

template <class Layer> AETRIG_INLINE V clamped32(V longs) {
    return clamp32(longs, set32(Layer::low), set32(Layer::high));
}

// Pair p of outputs, where one or two chunks in 16 bits are its accumulators.
template <class Layer, int B, class Before>
AETRIG_INLINE void narrow_pair(const Plane<Before, B> &in, Plane<Layer, B> &out, int p) {
    constexpr int stride = 2 * B;
    V sums[2][at_once];
    const int chunk = Layer::chunk_from[p];
    start_chunk<Layer>(chunk, sums);
    sum_chunk<Layer, true>((const char *)in.at, stride, chunk, sums);
    if (Layer::chunk_from[p + 1] == chunk + 2) {
        V first[2][at_once];
        memcpy(first, sums, sizeof(sums));
        start_chunk<Layer>(chunk + 1, sums);
        sum_chunk<Layer, true>((const char *)in.at, stride, chunk + 1, sums);
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++)
#pragma GCC unroll 4
            for (int v = 0; v < at_once; v++)
                sums[h][v] = add16_saturated(first[h][v], sums[h][v]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < at_once; v++)
        put<Layer>(out, p, v * words_a_vector, settled16<Layer>(sums[0][v]), settled16<Layer>(sums[1][v]));
}

// Pair p of outputs, where chunks in 16 bits are summed up in 32: of even events, and of odd ones.
template <class Layer, int B, class Before>
AETRIG_STEP void wide_pair(const Plane<Before, B> &in, Plane<Layer, B> &out, int p) {
    V even[2][at_once], odd[2][at_once], sums[2][at_once];
    for (int h = 0; h < 2; h++)
        for (int v = 0; v < at_once; v++)
            even[h][v] = odd[h][v] = set32(Layer::rest[2 * p + h]);
    for (int chunk = Layer::chunk_from[p]; chunk < Layer::chunk_from[p + 1]; chunk++) {
        start_chunk<Layer>(chunk, sums);
        sum_chunk<Layer, true>((const char *)in.at, 2 * B, chunk, sums);
        for (int h = 0; h < 2; h++)
            for (int v = 0; v < at_once; v++) {
                even[h][v] = add32(even[h][v], right32(left32(sums[h][v], 16), 16));
                odd[h][v] = add32(odd[h][v], right32(sums[h][v], 16));
            }
    }
    for (int v = 0; v < at_once; v++) {
        V words[2];
        for (int h = 0; h < 2; h++) {
            V a = clamped32<Layer>(settled32<Layer>(even[h][v])), b = clamped32<Layer>(settled32<Layer>(odd[h][v]));
            words[h] = or_bits(and_bits(a, set32(0xffff)), left32(b, 16));
        }
        put<Layer>(out, p, v * words_a_vector, words[0], words[1]);
    }
}

// Pair p of outputs of words: in 32 bits, half of the events after the other.
template <class Layer, int B, class Before>
AETRIG_INLINE void words_pair(const Plane<Before, B> &in, Plane<Layer, B> &out, int p) {
    for (int half = 0; half < 2; half++) {
        V sums[2][at_once];
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++)
#pragma GCC unroll 4
            for (int v = 0; v < at_once; v++)
                sums[h][v] = set32(Layer::rest[2 * p + h]);
        sum_chunk<Layer, false>((const char *)in.at + half * at_once * sizeof(V), 4 * B, Layer::chunk_from[p], sums);
#pragma GCC unroll 2
        for (int v = 0; v < at_once; v += 2) {
            V words[2];
#pragma GCC unroll 2
            for (int h = 0; h < 2; h++)
                words[h] = packed(settled32<Layer>(sums[h][v]), settled32<Layer>(sums[h][v + 1]));
            put<Layer>(out, p, half * B / 2 + v / 2 * words_a_vector, words[0], words[1]);
        }
    }
}

template <class Layer, int B, class Before>
AETRIG_STEP void dense(const Plane<Before, B> &in, Plane<Layer, B> &out) {
    for (int p = 0; p < pairs_of<Layer>; p++) {
        if constexpr (sizeof(typename Before::Stored) == 2)
            words_pair(in, out, p);
        else if constexpr (Layer::in_longs == 0)
            narrow_pair(in, out, p);
        else if (Layer::in_longs == pairs_of<Layer> || Layer::in_long[p])
            wide_pair(in, out, p);
        else if constexpr (Layer::in_longs < pairs_of<Layer>)
            narrow_pair(in, out, p);
    }
}

template <class Lookup, int B, class Before>
AETRIG_STEP void look_up(const Plane<Before, B> &in, Plane<Lookup, B> &out) {
    for (int j = 0; j < 2 * pairs_of<Lookup>; j++)
        for (int e = 0; e < B; e++)
            out.at[place<Lookup, B>(j, e)] = Lookup::entry[in.at[place<Before, B>(j, e)]];
}

template <class Sum, int B, class Before, class Other>
AETRIG_STEP void add(const Plane<Before, B> &in, const Plane<Other, B> &other, Plane<Sum, B> &out) {
    using W = typename Sum::Word;
    using U = typename Unsigned<W>::Type;
    for (int j = 0; j < 2 * pairs_of<Sum>; j++)
        for (int e = 0; e < B; e++) {
            U a = U(W(in.at[place<Before, B>(j, e)])), b = U(W(other.at[place<Other, B>(j, e)]));
            out.at[place<Sum, B>(j, e)] = settled<Sum>(W((a << Sum::this_left) + (b << Sum::other_left) + U(Sum::addend)));
        }
}

// Rows of 2 * lanes events, scaled, become pairs: 8 by 8 words, or 4 by 4 pairs of words, a lane.
template <class In, int B> AETRIG_INLINE void turn(const Row<In> (&rows)[words_a_vector], Plane<In, B> &plane, int e) {
    constexpr int stride = sizeof(Row<In>);
    if constexpr (sizeof(typename In::Stored) == 1) {
        for (int p = 0; p < pairs_of<In>; p += 8) {
            V a[8], b[8];
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                a[i] = load_lanes(rows[i].at + 2 * p, 8 * stride);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                b[2 * i] = unpack_low16(a[2 * i], a[2 * i + 1]);
                b[2 * i + 1] = unpack_high16(a[2 * i], a[2 * i + 1]);
            }
#pragma GCC unroll 2
            for (int i = 0; i < 2; i++)
#pragma GCC unroll 2
                for (int h = 0; h < 2; h++) {
                    a[4 * i + 2 * h] = unpack_low32(b[4 * i + h], b[4 * i + 2 + h]);
                    a[4 * i + 2 * h + 1] = unpack_high32(b[4 * i + h], b[4 * i + 2 + h]);
                }
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                b[2 * i] = unpack_low64(a[i], a[4 + i]);
                b[2 * i + 1] = unpack_high64(a[i], a[4 + i]);
            }
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                if (p + i < pairs_of<In>)
                    store(plane.at + ((p + i) * B + e) * 2, b[i]);
        }
    } else {
        for (int half = 0; half < 2; half++)
            for (int p = 0; p < pairs_of<In>; p += 4) {
                V a[4], b[4];
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++)
                    a[i] = load_lanes(rows[4 * half + i].at + 2 * p, 8 * stride);
                turn32(a, b);
#pragma GCC unroll 4
                for (int i = 0; i < 4; i++)
                    if (p + i < pairs_of<In>)
                        store(plane.at + ((p + i) * B + e + half * lanes) * 2, b[i]);
            }
    }
}

template <class In, int B, class T> AETRIG_STEP bool scale(bool check, const T *x, Plane<In, B> &plane) {
    bool inside = true;
    for (int e = 0; e < B; e += words_a_vector) {
        Row<In> rows[words_a_vector];
        inside &= scale<In>(check, x + e * In::width, rows);
        turn(rows, plane, e);
    }
    return inside;
}

// Numbers 2 * p to 2 * p + 7 of all events, as rows of y; ``count`` of them are the row's own. More
// are written where a row follows: its own numbers come later.
template <class Last, int count, int B> AETRIG_INLINE void write_eight(const Plane<Last, B> &plane, int p, int32_t *y) {
    constexpr int width = Last::outputs;
    for (int e = 0; e < B; e += lanes) {
        // of 2 * lanes events, the first four of every eight are in the first vector, then the others
        const int first = e / words_a_vector * words_a_vector + e % words_a_vector / lanes * 4;
        V a[4], b[4];
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            a[i] = load(plane.at + ((2 * i < count ? p + i : p) * B + e) * 2);
        turn32(a, b);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            int32_t *row = y + (first + i) * width + 2 * p;
            if (count == 8 || (width > 8 && first + i + words_a_vector - 8 < B - 1))
                store_lanes(row, 8 * width, b[i]);
            else
                store_lanes_some<count>(row, 8 * width, b[i]);
        }
    }
}

// The output's words, back as rows of y.
template <class Last, int B> AETRIG_STEP void write(const Plane<Last, B> &plane, int32_t *y) {
    constexpr int tail = Last::outputs % 8;
    if constexpr (tail > 0)
        write_eight<Last, tail>(plane, Last::outputs / 8 * 4, y);
    for (int p = 0; p < Last::outputs / 8 * 4; p += 4)
        write_eight<Last, 8>(plane, p, y);
}

template <class Score, int B, class Last, class Reference>
AETRIG_STEP void score_all(const Plane<Last, B> &output, const Plane<Reference, B> &reference, int64_t *score) {
    if constexpr (!Score::words) {
        for (int e = 0; e < B; e++)
            score[e] = 0;
        for (int j = 0; j < Last::outputs; j++)
            for (int e = 0; e < B; e++) {
                int64_t d = int64_t(output.at[place<Last, B>(j, e)]) * (int64_t(1) << Score::output_left);
                if constexpr (Score::reference >= 0)
                    d -= int64_t(reference.at[place<Reference, B>(j, e)]) * (int64_t(1) << Score::reference_left) - Score::addend;
                score[e] += Score::square ? d * d : d < 0 ? -d : d;
            }
    } else {
        for (int e = 0; e < B; e += words_a_vector) {
            V sums[2] = {set32(0), set32(0)};
            for (int p = 0; p < pairs_of<Last>; p++) {
                V r[2] = {set32(0), set32(0)};
                if constexpr (Score::reference >= 0) {
                    const auto *at = reference.at + (p * B + e) * 2;
                    if constexpr (sizeof(*at) == 1) {
                        r[0] = unpack_low8(load(at), set32(0));
                        r[1] = unpack_high8(load(at), set32(0));
                    } else {
                        r[0] = load(at);
                        r[1] = load(at + words_a_vector);
                    }
                }
#pragma GCC unroll 2
                for (int h = 0; h < 2; h++) {
                    V d = left16(load(output.at + (p * B + e + h * lanes) * 2), Score::output_left);
                    if constexpr (Score::reference >= 0)
                        d = add16(sub16(d, left16(r[h], Score::reference_left)), set16(int16_t(Score::addend)));
                    if (2 * p + 1 == Last::outputs)
                        d = and_bits(d, set32(0xffff));
                    d = Score::square ? d : abs16(d);
                    sums[h] = add32(sums[h], products32(d, Score::square ? d : set16(1)));
                }
            }
            alignas(64) int32_t found[2][lanes];
            for (int h = 0; h < 2; h++)
                store(found[h], sums[h]);
            for (int i = 0; i < words_a_vector; i++)
                score[e + i] = found[i / 4 % 2][i / 8 * 4 + i % 4];
        }
    }
}

template <int B, class Step, class... Rest> struct Planes {
    Plane<Step, B> here;
    Planes<B, Rest...> rest;
};
template <int B, class Step> struct Planes<B, Step> {
    Plane<Step, B> here;
};

template <int I, int B, class Step, class... Rest>
AETRIG_INLINE auto &plane_of(Planes<B, Step, Rest...> &planes) {
    if constexpr (I <= 0)
        return planes.here;
    else
        return plane_of<I - 1>(planes.rest);
}

template <class All, int B, class Last> AETRIG_INLINE void through(All &, Planes<B, Last> &) {}

template <class All, int B, class Before, class Step, class... Rest>
AETRIG_INLINE void through(All &all, Planes<B, Before, Step, Rest...> &planes) {
    if constexpr (Step::kind == 2)
        add<Step>(planes.here, plane_of<Step::other>(all), planes.rest.here);
    else if constexpr (Step::kind == 1)
        look_up<Step>(planes.here, planes.rest.here);
    else
        dense<Step>(planes.here, planes.rest.here);
    through(all, planes.rest);
}

template <class Net> struct Many;

template <class Input, class Score, class Points, class... Layers>
struct Many<Network<Input, Score, Points, Layers...>> {
    using Few = Chain<Network<Input, Score, Points, Layers...>>;
    static constexpr int width = LastOf<Layers...>::outputs;
    static constexpr int B = at_once * words_a_vector;

    using All = Planes<B, Input, Layers...>;

    AETRIG_STEP void finish(All &planes, int32_t *y, int64_t *score, uint8_t *accept) {
        through(planes, planes);
        auto &output = plane_of<sizeof...(Layers)>(planes);
        if (y)
            write(output, y);
        if constexpr (!std::is_same_v<Score, NoScore>) {
            if (!score && !accept)
                return;
            int64_t values[B];
            score_all<Score>(output, plane_of<Score::reference>(planes), score ? score : values);
            for (int e = 0; e < B && accept; e++)
                for (int i = 0; i < Points::count; i++)
                    accept[e * Points::count + i] = (score ? score : values)[e] > Points::threshold[i];
        }
    }

    template <class T>
    static bool block(bool check, const T *x, int32_t *y, int64_t *score, uint8_t *accept) {
        All planes;
        if (!scale<Input>(check, x, planes.here))
            return false;
        finish(planes, y, score, accept);
        return true;
    }

    template <class T>
    static bool run(bool check, const T *x, size_t events, int32_t *y, int64_t *score, uint8_t *accept) {
        size_t event = 0;
        for (; event + B <= events; event += B)
            if (!block(check, x + event * Input::width, y ? y + event * width : y, score ? score + event : score,
                       accept ? accept + event * Points::count : accept))
                return false;
        return Few::run(check, x + event * Input::width, events - event, y ? y + event * width : y,
                        score ? score + event : score, accept ? accept + event * Points::count : accept);
    }
};
