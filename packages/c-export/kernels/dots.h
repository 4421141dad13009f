/*
 * Products of weights with integer activations, one name for each instruction set.
 *
 * Activations are integers from -8191 to 8191, and four of them take 8 bytes. Where the processor multiplies bytes (SLM_SPLIT), an activation a is stored as the
 * two halves of a = 128 * high + low, high from -64 to 63 and low from 0 to 127. Elsewhere, activations are int16.
 *
 * Weights are stored as 128 + w, from 0 to 255; an int4 code is 16 times its value then. A `vq` is 4 weights for each of QL outputs. A product has SLM_OFFSET
 * times the activation too much. A `vi` is sums: of QL outputs where SLM_SPLIT, and of two pairs of weights for each of QL / 2 outputs elsewhere. They
 * may wrap around, since the sum without the offset fits. A tile computes SLM_TILE_NQ vectors of outputs at a time, as many as registers have room for.
 */
#if VL == 8 && defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define SLM_SPLIT
#define QL 16
#define SLM_TILE_NQ 1
typedef __m512i vi;
typedef __m512i vq;
SLM_INLINE vi vi_splat(int32_t x) { return _mm512_set1_epi32(x); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
SLM_INLINE vi vi_sub(vi a, vi b) { return _mm512_sub_epi32(a, b); }
SLM_INLINE vi vi_times_128(vi v) { return _mm512_slli_epi32(v, 7); }
SLM_INLINE vi vi_dot(vi sum, vq w, vi x) { return _mm512_dpbusd_epi32(sum, w, x); }
SLM_INLINE void vi_floats(vi v, vf *out) {
  __m512d all = _mm512_castps_pd(_mm512_cvtepi32_ps(v));
  out[0] = _mm256_castpd_ps(_mm512_castpd512_pd256(all));
  out[1] = _mm256_castpd_ps(_mm512_extractf64x4_pd(all, 1));
}
SLM_INLINE vq vq_load(const uint8_t *w) { return _mm512_loadu_si512((const void *)w); }
SLM_INLINE vq vq_upper(vi codes) { return _mm512_and_si512(codes, _mm512_set1_epi32(-0xf0f0f10)); }
SLM_INLINE vq vq_low(const uint8_t *w) { return vq_upper(_mm512_slli_epi32(vq_load(w), 4)); }
SLM_INLINE vq vq_high(const uint8_t *w) { return vq_upper(vq_load(w)); }

#elif VL == 8 && defined(__AVXVNNI__)
#define SLM_SPLIT
#define QL 8
#define SLM_TILE_NQ 1
typedef __m256i vi;
typedef __m256i vq;
SLM_INLINE vi vi_splat(int32_t x) { return _mm256_set1_epi32(x); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
SLM_INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
SLM_INLINE vi vi_times_128(vi v) { return _mm256_slli_epi32(v, 7); }
SLM_INLINE vi vi_dot(vi sum, vq w, vi x) { return _mm256_dpbusd_avx_epi32(sum, w, x); }
SLM_INLINE void vi_floats(vi v, vf *out) { *out = _mm256_cvtepi32_ps(v); }
SLM_INLINE vq vq_load(const uint8_t *w) { return _mm256_loadu_si256((const __m256i *)(const void *)w); }
SLM_INLINE vq vq_upper(vi codes) { return _mm256_and_si256(codes, _mm256_set1_epi32(-0xf0f0f10)); }
SLM_INLINE vq vq_low(const uint8_t *w) { return vq_upper(_mm256_slli_epi32(vq_load(w), 4)); }
SLM_INLINE vq vq_high(const uint8_t *w) { return vq_upper(vq_load(w)); }

#elif VL == 8
#define QL 8
#define SLM_TILE_NQ 1
/* int16: weights of half of the outputs, and four activations for each of them. */
typedef __m256i vi;
typedef __m256i vw;
typedef __m256i vx;
SLM_INLINE vi vi_splat(int32_t x) { return _mm256_set1_epi32(x); }
SLM_INLINE vi vi_sub(vi a, vi b) { return _mm256_sub_epi32(a, b); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
SLM_INLINE vi vi_dot(vi sum, vw w, vx x) { return _mm256_add_epi32(sum, _mm256_madd_epi16(w, x)); }
/* The sums of pairs of lanes. */
SLM_INLINE vi vi_pairs(vi a, vi b) { return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8); }
SLM_INLINE void vi_floats(vi v, vf *out) { *out = _mm256_cvtepi32_ps(v); }
SLM_INLINE vx vx_load(const int16_t *x) { return _mm256_castpd_si256(_mm256_broadcast_sd((const double *)(const void *)x)); }
SLM_INLINE vw vw_load(const uint8_t *w) { return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w)); }
/* 16 times the low or high four bits of bytes. */
SLM_INLINE vw vw_low(vw w) { return _mm256_and_si256(_mm256_slli_epi16(w, 4), _mm256_set1_epi16(240)); }
SLM_INLINE vw vw_high(vw w) { return _mm256_and_si256(w, _mm256_set1_epi16(240)); }

#elif VL == 4 && defined(__SSE2__)
#define QL 4
#define SLM_TILE_NQ 2
typedef __m128i vi;
typedef __m128i vw;
typedef __m128i vx;
SLM_INLINE vi vi_splat(int32_t x) { return _mm_set1_epi32(x); }
SLM_INLINE vi vi_sub(vi a, vi b) { return _mm_sub_epi32(a, b); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm_add_epi32(a, b); }
SLM_INLINE vi vi_dot(vi sum, vw w, vx x) { return _mm_add_epi32(sum, _mm_madd_epi16(w, x)); }
SLM_INLINE vi vi_pairs(vi a, vi b) {
  __m128 first = _mm_castsi128_ps(a), second = _mm_castsi128_ps(b);
  return _mm_add_epi32(_mm_castps_si128(_mm_shuffle_ps(first, second, 0x88)), _mm_castps_si128(_mm_shuffle_ps(first, second, 0xdd)));
}
SLM_INLINE void vi_floats(vi v, vf *out) { *out = _mm_cvtepi32_ps(v); }
SLM_INLINE vx vx_load(const int16_t *x) {
  __m128i four = _mm_loadl_epi64((const __m128i *)(const void *)x);
  return _mm_unpacklo_epi64(four, four);
}
SLM_INLINE vw vw_load(const uint8_t *w) {
  __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)w);
  return _mm_unpacklo_epi8(bytes, _mm_setzero_si128());
}
SLM_INLINE vw vw_low(vw w) { return _mm_and_si128(_mm_slli_epi16(w, 4), _mm_set1_epi16(240)); }
SLM_INLINE vw vw_high(vw w) { return _mm_and_si128(w, _mm_set1_epi16(240)); }

#elif VL == 4 && defined(__ARM_FEATURE_DOTPROD) && defined(__aarch64__)
#define SLM_SPLIT
#define QL 4
#define SLM_TILE_NQ 2
typedef int32x4_t vi;
typedef int8x16_t vq;
SLM_INLINE vi vi_splat(int32_t x) { return vdupq_n_s32(x); }
SLM_INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
SLM_INLINE vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
SLM_INLINE vi vi_times_128(vi v) { return vshlq_n_s32(v, 7); }
SLM_INLINE vi vi_dot(vi sum, vq w, vi x) { return vdotq_s32(sum, w, vreinterpretq_s8_s32(x)); }
SLM_INLINE void vi_floats(vi v, vf *out) { *out = vcvtq_f32_s32(v); }
/* Without the offset, because both factors have a sign. */
#define SLM_OFFSET 0
SLM_INLINE vq vq_signed(uint8x16_t w) { return vreinterpretq_s8_u8(veorq_u8(w, vdupq_n_u8(128))); }
SLM_INLINE vq vq_load(const uint8_t *w) { return vq_signed(vld1q_u8(w)); }
SLM_INLINE vq vq_low(const uint8_t *w) { return vq_signed(vshlq_n_u8(vld1q_u8(w), 4)); }
SLM_INLINE vq vq_high(const uint8_t *w) { return vq_signed(vandq_u8(vld1q_u8(w), vdupq_n_u8(240))); }

#elif VL == 4 && defined(__ARM_NEON)
#define QL 4
#define SLM_TILE_NQ 2
typedef int32x4_t vi;
typedef int16x8_t vw;
typedef int16x4_t vx;
SLM_INLINE vi vi_splat(int32_t x) { return vdupq_n_s32(x); }
SLM_INLINE vi vi_sub(vi a, vi b) { return vsubq_s32(a, b); }
SLM_INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
SLM_INLINE vi vi_pairs(vi a, vi b) {
  return vcombine_s32(vpadd_s32(vget_low_s32(a), vget_high_s32(a)), vpadd_s32(vget_low_s32(b), vget_high_s32(b)));
}
SLM_INLINE vi vi_dot(vi sum, vw w, vx x) { return vaddq_s32(sum, vi_pairs(vmull_s16(vget_low_s16(w), x), vmull_s16(vget_high_s16(w), x))); }
SLM_INLINE void vi_floats(vi v, vf *out) { *out = vcvtq_f32_s32(v); }
SLM_INLINE vx vx_load(const int16_t *x) { return vld1_s16(x); }
SLM_INLINE vw vw_load(const uint8_t *w) { return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(w))); }
SLM_INLINE vw vw_low(vw w) { return vandq_s16(vshlq_n_s16(w, 4), vdupq_n_s16(240)); }
SLM_INLINE vw vw_high(vw w) { return vandq_s16(w, vdupq_n_s16(240)); }

#elif VL == 4
#define QL 4
#define SLM_TILE_NQ 1
typedef v128_t vi;
typedef v128_t vw;
typedef v128_t vx;
SLM_INLINE vi vi_splat(int32_t x) { return wasm_i32x4_splat(x); }
SLM_INLINE vi vi_sub(vi a, vi b) { return wasm_i32x4_sub(a, b); }
SLM_INLINE vi vi_add(vi a, vi b) { return wasm_i32x4_add(a, b); }
SLM_INLINE vi vi_dot(vi sum, vw w, vx x) { return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, x)); }
SLM_INLINE vi vi_pairs(vi a, vi b) { return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7)); }
SLM_INLINE void vi_floats(vi v, vf *out) { *out = wasm_f32x4_convert_i32x4(v); }
SLM_INLINE vx vx_load(const int16_t *x) { return wasm_v128_load64_splat(x); }
SLM_INLINE vw vw_load(const uint8_t *w) { return wasm_u16x8_load8x8(w); }
SLM_INLINE vw vw_low(vw w) { return wasm_v128_and(wasm_i16x8_shl(w, 4), wasm_i16x8_splat(240)); }
SLM_INLINE vw vw_high(vw w) { return wasm_v128_and(w, wasm_i16x8_splat(240)); }

#else
#define QL 1
#define SLM_TILE_NQ 4
/* Without loops, so that compilers keep the four weights in registers. */
typedef struct { int32_t a, b, c, d; } vq;
SLM_INLINE vq vq_of(int32_t a, int32_t b, int32_t c, int32_t d) {
  vq four;
  four.a = a;
  four.b = b;
  four.c = c;
  four.d = d;
  return four;
}
SLM_INLINE vq vq_load(const uint8_t *w) { return vq_of(w[0], w[1], w[2], w[3]); }
/* 16 times the low or high four bits of bytes. */
SLM_INLINE vq vq_low(const uint8_t *w) { return vq_of((w[0] & 15) * 16, (w[1] & 15) * 16, (w[2] & 15) * 16, (w[3] & 15) * 16); }
SLM_INLINE vq vq_high(const uint8_t *w) { return vq_of(w[0] & 240, w[1] & 240, w[2] & 240, w[3] & 240); }
#endif

#if !defined(SLM_OFFSET)
#define SLM_OFFSET 128
#endif

/* VL floats, rounded to the nearest integers, as activations. @returns the integers */
#if VL == 8
SLM_INLINE vf vf_to_activations(int16_t *to, vf x) {
  __m256i whole = _mm256_cvtps_epi32(x);
  vf rounded = _mm256_cvtepi32_ps(whole);
#if defined(SLM_SPLIT)
  whole = _mm256_packs_epi32(_mm256_srai_epi32(whole, 7), _mm256_and_si256(whole, _mm256_set1_epi32(127)));
  whole = _mm256_packs_epi16(whole, whole);
#else
  whole = _mm256_packs_epi32(whole, whole);
#endif
  _mm_storeu_si128((__m128i *)(void *)to, _mm256_castsi256_si128(_mm256_permute4x64_epi64(whole, 8)));
  return rounded;
}
#elif VL == 4 && defined(__SSE2__)
SLM_INLINE vf vf_to_activations(int16_t *to, vf x) {
  __m128i whole = _mm_cvtps_epi32(x);
  _mm_storel_epi64((__m128i *)(void *)to, _mm_packs_epi32(whole, whole));
  return _mm_cvtepi32_ps(whole);
}
#elif VL == 4 && defined(__ARM_NEON)
SLM_INLINE vf vf_to_activations(int16_t *to, vf x) {
  vf half = vbslq_f32(vcltq_f32(x, vdupq_n_f32(0.f)), vdupq_n_f32(-0.5f), vdupq_n_f32(0.5f));
  int32x4_t whole = vcvtq_s32_f32(vaddq_f32(x, half));
#if defined(SLM_SPLIT)
  vst1_s8((int8_t *)(void *)to, vmovn_s16(vcombine_s16(vmovn_s32(vshrq_n_s32(whole, 7)), vmovn_s32(vandq_s32(whole, vdupq_n_s32(127))))));
#else
  vst1_s16(to, vmovn_s32(whole));
#endif
  return vcvtq_f32_s32(whole);
}
#elif VL == 4
SLM_INLINE vf vf_to_activations(int16_t *to, vf x) {
  /* In x + 1.5 * 2^23 the low bits are the rounded integer; a conversion would check for NaN. */
  v128_t shifted = wasm_f32x4_add(x, wasm_f32x4_splat(12582912.f)), whole = wasm_i32x4_sub(shifted, wasm_i32x4_splat(0x4b400000));
  wasm_v128_store64_lane(to, wasm_i16x8_narrow_i32x4(whole, whole), 0);
  return wasm_f32x4_sub(shifted, wasm_f32x4_splat(12582912.f));
}
#else
SLM_INLINE vf vf_to_activations(int16_t *to, vf x) {
  *to = (int16_t)(x < 0.f ? x - 0.5f : x + 0.5f);
  return (float)*to;
}
#endif
