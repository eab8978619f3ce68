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

AETRIG_INLINE bool is_zero(V v) { return _mm256_testz_si256(v, v); }
AETRIG_INLINE V and_bits(V a, V b) { return _mm256_and_si256(a, b); }
AETRIG_INLINE V or_bits(V a, V b) { return _mm256_or_si256(a, b); }
AETRIG_INLINE V xor_bits(V a, V b) { return _mm256_xor_si256(a, b); }
AETRIG_INLINE V add32(V a, V b) { return _mm256_add_epi32(a, b); }
AETRIG_INLINE V add16(V a, V b) { return _mm256_add_epi16(a, b); }
AETRIG_INLINE V right16(V v, int by) { return _mm256_srai_epi16(v, by); }

constexpr bool multiplies_fours = AETRIG_VNNI; // in one instruction
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

// of the kernels with events in the lanes
AETRIG_INLINE void store(void *to, V v) { _mm256_storeu_si256((__m256i *)to, v); }
AETRIG_INLINE V products16(V x, V weights) { return _mm256_maddubs_epi16(x, weights); }
AETRIG_INLINE V products32(V x, V weights) { return _mm256_madd_epi16(x, weights); }
AETRIG_INLINE V add16_saturated(V a, V b) { return _mm256_adds_epi16(a, b); }
AETRIG_INLINE V sub16(V a, V b) { return _mm256_sub_epi16(a, b); }
AETRIG_INLINE V abs16(V v) { return _mm256_abs_epi16(v); }
AETRIG_INLINE V left16(V v, int by) { return _mm256_slli_epi16(v, by); }
AETRIG_INLINE V unpack_low8(V a, V b) { return _mm256_unpacklo_epi8(a, b); }
AETRIG_INLINE V unpack_high8(V a, V b) { return _mm256_unpackhi_epi8(a, b); }
AETRIG_INLINE V unpack_low16(V a, V b) { return _mm256_unpacklo_epi16(a, b); }
AETRIG_INLINE V unpack_high16(V a, V b) { return _mm256_unpackhi_epi16(a, b); }
AETRIG_INLINE V unpack_low32(V a, V b) { return _mm256_unpacklo_epi32(a, b); }
AETRIG_INLINE V unpack_high32(V a, V b) { return _mm256_unpackhi_epi32(a, b); }
AETRIG_INLINE V unpack_low64(V a, V b) { return _mm256_unpacklo_epi64(a, b); }
AETRIG_INLINE V unpack_high64(V a, V b) { return _mm256_unpackhi_epi64(a, b); }
AETRIG_INLINE void turn32(const V (&a)[4], V (&b)[4]) {
    V low = unpack_low32(a[0], a[1]), high = unpack_high32(a[0], a[1]);
    V low2 = unpack_low32(a[2], a[3]), high2 = unpack_high32(a[2], a[3]);
    b[0] = unpack_low64(low, low2);
    b[1] = unpack_high64(low, low2);
    b[2] = unpack_low64(high, high2);
    b[3] = unpack_high64(high, high2);
}
AETRIG_INLINE V pack_bytes(V a, V b) { return _mm256_packus_epi16(a, b); }
// the bytes of a lane's halves in turns
AETRIG_INLINE V merged8(V v) {
    const __m128i order = _mm_setr_epi8(0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
    return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(order));
}
// 16 bytes a lane, each ``stride`` bytes behind the one before
AETRIG_INLINE V load_lanes(const void *from, int stride) {
    const char *at = (const char *)from;
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at)),
                                   _mm_loadu_si128((const __m128i *)(at + stride)), 1);
}
// 8 words a lane, as numbers to rows ``stride`` apart; or the first ``count`` of them
AETRIG_INLINE void store_lanes(int32_t *to, int stride, V v) {
    store(to, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(v)));
    store(to + stride, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(v, 1)));
}
template <int count> AETRIG_INLINE void store_lanes_some(int32_t *to, int stride, V v) {
    int32_t numbers[16];
    store_lanes(numbers, 8, v);
    memcpy(to, numbers, 4 * count);
    memcpy(to + stride, numbers + 8, 4 * count);
}
