// Every step in plain C++: for any processor, and for what the vectors cannot hold.
// Included once in the namespace of each path.

template <class Step> AETRIG_INLINE typename Step::Stored settled(typename Step::Word u) {
    using W = typename Step::Word;
    using U = typename Unsigned<W>::Type;
    if constexpr (Step::left > 0) {
        u = u < W(Step::least) ? W(Step::least) : u > W(Step::most) ? W(Step::most) : u;
        u = W(U(u) << Step::left);
    }
    W r = W(u >> Step::right);
    if constexpr (Step::ties)
        r = W(r - ((U(u) & ((U(2) << Step::right) - 1)) == (U(1) << Step::right)));
    r = W(r + W(Step::after));
    r = r < W(Step::low) ? W(Step::low) : r > W(Step::high) ? W(Step::high) : r;
    return typename Step::Stored(r);
}

template <class In, class T> AETRIG_INLINE void scale_portably(const T *x, Row<In> &row) {
    using W = typename In::Word;
    using U = typename Unsigned<W>::Type;
    for (int i = 0; i < In::padded; i++) {
        int32_t value = i < In::width ? x[i] : 0;
        value = value < In::floor[i] ? In::floor[i] : value > In::ceiling[i] ? In::ceiling[i] : value;
        row.at[i] = settled<In>(W(U(W(value)) * U(In::factor[i]) + U(In::addend[i])));
    }
}

template <class Layer, class Before>
AETRIG_INLINE void dense_portably(const Row<Before> &in, Row<Layer> &out) {
    using W = typename Layer::Word;
    using U = typename Unsigned<W>::Type;
    U sum[Layer::padded];
    for (int j = 0; j < Layer::padded; j++)
        sum[j] = U(Layer::bias[j]);
    for (int g = 0; g < Layer::groups; g++)
        for (int j = 0; j < Layer::padded; j++)
            for (int i = 0; i < Layer::group; i++)
                sum[j] += U(W(in.at[g * Layer::group + i])) * U(W(Layer::weight[(g * Layer::padded + j) * Layer::group + i]));
    for (int j = 0; j < Layer::padded; j++)
        out.at[j] = settled<Layer>(W(sum[j]));
}

// A row before a table holds places in it. Padding stands for zero, as behind every step.
template <class Lookup, class Before, int N>
AETRIG_STEP void look_up(const Row<Before> (&in)[N], Row<Lookup> (&out)[N]) {
    for (int e = 0; e < N; e++)
        for (int j = 0; j < Lookup::padded; j++)
            out[e].at[j] = j < Lookup::outputs ? Lookup::entry[in[e].at[j]] : Lookup::zero;
}

template <class Sum, class Before, class Other, int N>
AETRIG_STEP void add(const Row<Before> (&in)[N], const Row<Other> (&other)[N], Row<Sum> (&out)[N]) {
    using W = typename Sum::Word;
    using U = typename Unsigned<W>::Type;
    for (int e = 0; e < N; e++)
        for (int j = 0; j < Sum::padded; j++) {
            U u = (U(W(in[e].at[j])) << Sum::this_left) + (U(W(other[e].at[j])) << Sum::other_left) + U(Sum::addend);
            out[e].at[j] = j < Sum::outputs ? settled<Sum>(W(u)) : typename Sum::Stored(Sum::zero);
        }
}

template <class Score, class Last, class Reference>
AETRIG_INLINE int64_t score_portably(const Row<Last> &output, const Row<Reference> &reference) {
    int64_t sum = 0;
    for (int i = 0; i < Last::outputs; i++) {
        int64_t d = int64_t(output.at[i]) * (int64_t(1) << Score::output_left);
        if constexpr (Score::reference >= 0)
            d -= int64_t(reference.at[i]) * (int64_t(1) << Score::reference_left) - Score::addend;
        sum += Score::square ? d * d : d < 0 ? -d : d;
    }
    return sum;
}

// Returns the first event with a value outside the wires' range, or ``events``.
template <class In, class T> static size_t first_outside(const T *x, size_t events) {
    for (size_t event = 0; event < events; event++, x += In::width) {
        uint32_t outside = 0;
        for (int i = 0; i < In::width; i++)
            outside |= uint32_t(uint32_t(int32_t(x[i])) - uint32_t(In::wire_low[i]) > In::wire_span[i]);
        if (outside)
            return event;
    }
    return events;
}
