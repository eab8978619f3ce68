// The vector vocabulary in 512 bits: 16 sums of 32 bits a vector.

using V = __m512i;
constexpr int lanes = 16;
constexpr int events_at_once = 8;
constexpr int most_vectors = 2; // of sums an event: 8 * 2 accumulators, of 32 registers

AETRIG_INLINE V load(const void *from) { return _mm512_loadu_si512(from); }
AETRIG_INLINE V set32(int32_t value) { return _mm512_set1_epi32(value); }
AETRIG_INLINE V set16(int16_t value) { return _mm512_set1_epi16(value); }

// as many of the first 16 numbers as there are; zero behind them
AETRIG_INLINE V load_some(const int32_t *from, int count) {
    return count >= lanes ? load(from) : _mm512_maskz_loadu_epi32(__mmask16((1u << count) - 1), from);
}
AETRIG_INLINE V load_some(const int16_t *from, int count) {
    if (count >= 2 * lanes)
        return load(from);
    return _mm512_maskz_loadu_epi16(__mmask32((uint64_t(1) << count) - 1), from);
}
AETRIG_INLINE V widened(const int16_t *from, int count) {
    __mmask16 mask = count >= lanes ? __mmask16(-1) : __mmask16((1u << count) - 1);
    return _mm512_cvtepi16_epi32(_mm256_maskz_loadu_epi16(mask, from));
}
AETRIG_INLINE void store_some(int32_t *to, V v, int count) {
    if (count >= lanes)
        _mm512_storeu_si512(to, v);
    else
        _mm512_mask_storeu_epi32(to, __mmask16((1u << count) - 1), v);
}

constexpr bool multiplies_fours = true; // in one instruction
// sums += four unsigned bytes by four signed ones; two words by two
template <bool> AETRIG_INLINE V dot8(V sums, V x, V weight) { return _mm512_dpbusd_epi32(sums, x, weight); }
AETRIG_INLINE V dot16(V sums, V x, V weight) { return _mm512_dpwssd_epi32(sums, x, weight); }

AETRIG_INLINE bool is_zero(V v) { return _mm512_test_epi32_mask(v, v) == 0; }
AETRIG_INLINE V and_bits(V a, V b) { return _mm512_and_si512(a, b); }
AETRIG_INLINE V or_bits(V a, V b) { return _mm512_or_si512(a, b); }
AETRIG_INLINE V xor_bits(V a, V b) { return _mm512_xor_si512(a, b); }
AETRIG_INLINE V add32(V a, V b) { return _mm512_add_epi32(a, b); }
AETRIG_INLINE V multiply32(V a, V b) { return _mm512_mullo_epi32(a, b); }
AETRIG_INLINE V clamp32(V v, V low, V high) { return _mm512_min_epi32(_mm512_max_epi32(v, low), high); }
AETRIG_INLINE V left32(V v, int by) { return _mm512_slli_epi32(v, by); }
AETRIG_INLINE V right32(V v, int by) { return _mm512_srai_epi32(v, by); }
AETRIG_INLINE V less_one_where32(V r, V u, V mask, V is) {
    return _mm512_mask_sub_epi32(r, _mm512_cmpeq_epi32_mask(_mm512_and_si512(u, mask), is), r, set32(1));
}
AETRIG_INLINE V add16(V a, V b) { return _mm512_add_epi16(a, b); }
AETRIG_INLINE V multiply16(V a, V b) { return _mm512_mullo_epi16(a, b); }
AETRIG_INLINE V clamp16(V v, V low, V high) { return _mm512_min_epi16(_mm512_max_epi16(v, low), high); }
AETRIG_INLINE V right16(V v, int by) { return _mm512_srai_epi16(v, by); }
AETRIG_INLINE V less_one_where16(V r, V u, V mask, V is) {
    return _mm512_mask_sub_epi16(r, _mm512_cmpeq_epi16_mask(_mm512_and_si512(u, mask), is), r, set16(1));
}

// packed: 32 words of two vectors of sums, saturated, in the order that the instruction gives
AETRIG_INLINE V packed(V a, V b) { return _mm512_packs_epi32(a, b); }
AETRIG_INLINE V ordered(V p) {
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), p);
}
AETRIG_INLINE void store_packed(uint8_t *to, V p, int vectors) {
    const V order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13);
    V bytes = _mm512_permutexvar_epi32(order, _mm512_packus_epi16(p, p));
    if (vectors == 2)
        _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(bytes));
    else
        _mm_storeu_si128((__m128i *)to, _mm512_castsi512_si128(bytes));
}
AETRIG_INLINE void store_packed(int16_t *to, V p, int vectors) {
    if (vectors == 2)
        _mm512_storeu_si512(to, ordered(p));
    else
        _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(ordered(p)));
}
AETRIG_INLINE void store_ordered(uint8_t *to, V words) {
    V bytes = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6), _mm512_packus_epi16(words, words));
    _mm256_storeu_si256((__m256i *)to, _mm512_castsi512_si256(bytes));
}
AETRIG_INLINE void store_ordered(int16_t *to, V words) { _mm512_storeu_si512(to, words); }

// of the kernels with events in the lanes
AETRIG_INLINE void store(void *to, V v) { _mm512_storeu_si512(to, v); }
AETRIG_INLINE V products16(V x, V weights) { return _mm512_maddubs_epi16(x, weights); }
AETRIG_INLINE V products32(V x, V weights) { return _mm512_madd_epi16(x, weights); }
AETRIG_INLINE V add16_saturated(V a, V b) { return _mm512_adds_epi16(a, b); }
AETRIG_INLINE V sub16(V a, V b) { return _mm512_sub_epi16(a, b); }
AETRIG_INLINE V abs16(V v) { return _mm512_abs_epi16(v); }
AETRIG_INLINE V left16(V v, int by) { return _mm512_slli_epi16(v, by); }
AETRIG_INLINE V unpack_low8(V a, V b) { return _mm512_unpacklo_epi8(a, b); }
AETRIG_INLINE V unpack_high8(V a, V b) { return _mm512_unpackhi_epi8(a, b); }
AETRIG_INLINE V unpack_low16(V a, V b) { return _mm512_unpacklo_epi16(a, b); }
AETRIG_INLINE V unpack_high16(V a, V b) { return _mm512_unpackhi_epi16(a, b); }
AETRIG_INLINE V unpack_low32(V a, V b) { return _mm512_unpacklo_epi32(a, b); }
AETRIG_INLINE V unpack_high32(V a, V b) { return _mm512_unpackhi_epi32(a, b); }
AETRIG_INLINE V unpack_low64(V a, V b) { return _mm512_unpacklo_epi64(a, b); }
AETRIG_INLINE V unpack_high64(V a, V b) { return _mm512_unpackhi_epi64(a, b); }
AETRIG_INLINE void turn32(const V (&a)[4], V (&b)[4]) {
    V low = unpack_low32(a[0], a[1]), high = unpack_high32(a[0], a[1]);
    V low2 = unpack_low32(a[2], a[3]), high2 = unpack_high32(a[2], a[3]);
    b[0] = unpack_low64(low, low2);
    b[1] = unpack_high64(low, low2);
    b[2] = unpack_low64(high, high2);
    b[3] = unpack_high64(high, high2);
}
AETRIG_INLINE V pack_bytes(V a, V b) { return _mm512_packus_epi16(a, b); }
// the bytes of a lane's halves in turns
AETRIG_INLINE V merged8(V v) {
    const __m128i order = _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order));
}
// 16 bytes a lane, each ``stride`` bytes behind the one before
AETRIG_INLINE V load_lanes(const void *from, int stride) {
    const char *at = (const char *)from;
    V v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)at));
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(at + stride)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(at + 2 * stride)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(at + 3 * stride)), 3);
}
// 8 words a lane, as numbers to rows ``stride`` apart; or the first ``count`` of them
AETRIG_INLINE void store_lanes(int32_t *to, int stride, V v) {
    _mm256_storeu_si256((__m256i *)to, _mm256_cvtepi16_epi32(_mm512_castsi512_si128(v)));
    _mm256_storeu_si256((__m256i *)(to + stride), _mm256_cvtepi16_epi32(_mm512_extracti32x4_epi32(v, 1)));
    _mm256_storeu_si256((__m256i *)(to + 2 * stride), _mm256_cvtepi16_epi32(_mm512_extracti32x4_epi32(v, 2)));
    _mm256_storeu_si256((__m256i *)(to + 3 * stride), _mm256_cvtepi16_epi32(_mm512_extracti32x4_epi32(v, 3)));
}
template <int count> AETRIG_INLINE void store_lanes_some(int32_t *to, int stride, V v) {
    int32_t numbers[32];
    store_lanes(numbers, 8, v);
    for (int i = 0; i < 4; i++)
        memcpy(to + i * stride, numbers + 8 * i, 4 * count);
}
