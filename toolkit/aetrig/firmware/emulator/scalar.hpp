// The path for any processor: no vectors of our own.
constexpr int events_at_once = 1;

template <class In, int N, class T> AETRIG_INLINE bool scale(bool check, const T *x, Row<In> (&rows)[N]) {
    if (check && first_outside<In>(x, N) != N)
        return false;
    for (int e = 0; e < N; e++)
        scale_portably<In>(x + e * In::width, rows[e]);
    return true;
}

template <class Layer, class Before, int N>
AETRIG_STEP void dense(const Row<Before> (&in)[N], Row<Layer> (&out)[N]) {
    for (int e = 0; e < N; e++)
        dense_portably<Layer>(in[e], out[e]);
}

template <class Score, class Last, class Reference>
AETRIG_INLINE int64_t scored(const Row<Last> &output, const Row<Reference> &reference) {
    return score_portably<Score>(output, reference);
}

template <class Last> AETRIG_INLINE void write(const Row<Last> &output, int32_t *y) {
    for (int i = 0; i < Last::outputs; i++)
        y[i] = output.at[i];
}
