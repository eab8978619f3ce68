// The vector vocabulary in 256 bits: 8 sums of 32 bits a vector.

using V = __m256i;
constexpr int lanes = 8;
constexpr int events_at_once = 4;
constexpr int most_vectors = 2; // of sums an event: 4 * 2 accumulators, of 16 registers

AETRIG_INLINE V load(const void *from) { return _mm256_loadu_si256((const __m256i *)from); }
AETRIG_INLINE V set32(int32_t value) { return _mm256_set1_epi32(value); }
AETRIG_INLINE V set16(int16_t value) { return _mm256_set1_epi16(value); }

AETRIG_INLINE V first32(int count) {
    return _mm256_cmpgt_epi32(set32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// as many of the first 8 numbers as there are; zero behind them
AETRIG_INLINE V load_some(const int32_t *from, int count) {
    return count >= lanes ? load(from) : _mm256_maskload_epi32(from, first32(count));
}
AETRIG_INLINE V load_some(const int16_t *from, int count) {
    if (count >= 2 * lanes)
        return load(from);
    alignas(32) int16_t some[2 * lanes] = {};
    for (int i = 0; i < 2 * lanes; i++)
        some[i] = i < count ? from[i] : int16_t(0);
    return load(some);
}
AETRIG_INLINE V widened(const int16_t *from, int count) {
    if (count >= lanes)
        return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)from));
    return _mm256_cvtepi16_epi32(_mm256_castsi256_si128(load_some(from, count)));
}
AETRIG_INLINE void store_some(int32_t *to, V v, int count) {
    if (count >= lanes)
        _mm256_storeu_si256((__m256i *)to, v);
    else
        _mm256_maskstore_epi32(to, first32(count), v);
}

AETRIG_INLINE V add32(V a, V b) { return _mm256_add_epi32(a, b); }
AETRIG_INLINE V add16(V a, V b) { return _mm256_add_epi16(a, b); }
AETRIG_INLINE V right16(V v, int by) { return _mm256_srai_epi16(v, by); }

// sums += four unsigned bytes by four signed ones; two words by two
#if AETRIG_VNNI
template <bool> AETRIG_INLINE V dot8(V sums, V x, V weight) { return AETRIG_DPBUSD(sums, x, weight); }
AETRIG_INLINE V dot16(V sums, V x, V weight) { return AETRIG_DPWSSD(sums, x, weight); }
#else
AETRIG_INLINE V dot16(V sums, V x, V weight) { return add32(sums, _mm256_madd_epi16(x, weight)); }
template <bool pairs> AETRIG_INLINE V dot8(V sums, V x, V weight) {
    // vpmaddubsw saturates at 16 bits: only where two products are proven to fit
    if (pairs)
        return add32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(x, weight), set16(1)));
    V even = _mm256_madd_epi16(_mm256_and_si256(x, set16(0xff)), right16(_mm256_slli_epi16(weight, 8), 8));
    V odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), right16(weight, 8));
    return add32(sums, add32(even, odd));
}
#endif

AETRIG_INLINE V multiply32(V a, V b) { return _mm256_mullo_epi32(a, b); }
AETRIG_INLINE V clamp32(V v, V low, V high) { return _mm256_min_epi32(_mm256_max_epi32(v, low), high); }
AETRIG_INLINE V left32(V v, int by) { return _mm256_slli_epi32(v, by); }
AETRIG_INLINE V right32(V v, int by) { return _mm256_srai_epi32(v, by); }
AETRIG_INLINE V less_one_where32(V r, V u, V mask, V is) {
    return add32(r, _mm256_cmpeq_epi32(_mm256_and_si256(u, mask), is));
}
AETRIG_INLINE V multiply16(V a, V b) { return _mm256_mullo_epi16(a, b); }
AETRIG_INLINE V clamp16(V v, V low, V high) { return _mm256_min_epi16(_mm256_max_epi16(v, low), high); }
AETRIG_INLINE V less_one_where16(V r, V u, V mask, V is) {
    return add16(r, _mm256_cmpeq_epi16(_mm256_and_si256(u, mask), is));
}

// packed: 16 words of two vectors of sums, saturated, in the order that the instruction gives
AETRIG_INLINE V packed(V a, V b) { return _mm256_packs_epi32(a, b); }
AETRIG_INLINE V ordered(V p) { return _mm256_permute4x64_epi64(p, 0xd8); }
AETRIG_INLINE void store_packed(uint8_t *to, V p, int) {
    V bytes = _mm256_permutevar8x32_epi32(_mm256_packus_epi16(p, p), _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5));
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(bytes));
}
AETRIG_INLINE void store_packed(int16_t *to, V p, int) { _mm256_storeu_si256((__m256i *)to, ordered(p)); }
AETRIG_INLINE void store_ordered(uint8_t *to, V words) {
    V bytes = _mm256_permute4x64_epi64(_mm256_packus_epi16(words, words), 0xd8);
    _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(bytes));
}
AETRIG_INLINE void store_ordered(int16_t *to, V words) { _mm256_storeu_si256((__m256i *)to, words); }
