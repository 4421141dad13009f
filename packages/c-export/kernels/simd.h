/*
 * Vectors of float32 and the sums of products of 16-bit integers, one name for each instruction set. A `vw` is 2 * VL int16 weights, two for each of VL outputs.
 *
 * VL is the number of floats in a vector: 8 with AVX2, 4 with SSE2, NEON and WebAssembly, 1 without vectors. Define SLM_SCALAR for no vectors.
 */
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SLM_INLINE static inline __attribute__((always_inline, unused))
#define SLM_UNUSED __attribute__((unused))
#else
#define SLM_INLINE static inline
#define SLM_UNUSED
#endif
/* Functions that take little time, of which the module should have few bytes. */
#if defined(__wasm__)
#define SLM_SMALL __attribute__((minsize, noinline, unused))
/* Functions of several kernels, which the module has once. */
#define SLM_SHARED static __attribute__((noinline, unused))
#else
#define SLM_SMALL SLM_UNUSED
#define SLM_SHARED SLM_INLINE
#endif

#if defined(__AVX2__) && defined(__FMA__) && !defined(SLM_SCALAR)
#include <immintrin.h>
#define VL 8
#define SLM_TILE_ROWS 6
typedef __m256 vf;
typedef __m256i vi;
typedef __m256i vw;
SLM_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
SLM_INLINE void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
SLM_INLINE vf vf_splat(float x) { return _mm256_set1_ps(x); }
SLM_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
SLM_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
SLM_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
SLM_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
SLM_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
SLM_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
/* The lanes of a where the mask has ones, and of b elsewhere. */
SLM_INLINE vf vf_select(vf mask, vf a, vf b) { return _mm256_blendv_ps(b, a, mask); }
SLM_INLINE vf vf_of(vi v) { return _mm256_cvtepi32_ps(v); }
SLM_INLINE vi vi_zero(void) { return _mm256_setzero_si256(); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
/* x * 2^n, where n is the integer in the low bits of `shifted`. */
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}
SLM_INLINE vw vw_load(const int8_t *w) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w)); }
/* The signed low and high four bits of bytes that vw_load read. */
SLM_INLINE vw vw_low(vw w) { return _mm256_srai_epi16(_mm256_slli_epi16(w, 12), 12); }
SLM_INLINE vw vw_high(vw w) { return _mm256_srai_epi16(w, 4); }
/* VL floats from their upper 16 bits. */
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}
/* For each of VL outputs: sum + w[2i] * low + w[2i + 1] * high, where `pair` is two int16 activations. */
SLM_INLINE vi vi_dot(vi sum, vw w, int32_t pair) {
#if defined(__AVX512VNNI__) && defined(__AVX512VL__)
  return _mm256_dpwssd_epi32(sum, w, _mm256_set1_epi32(pair));
#elif defined(__AVXVNNI__)
  return _mm256_dpwssd_avx_epi32(sum, w, _mm256_set1_epi32(pair));
#else
  return _mm256_add_epi32(sum, _mm256_madd_epi16(w, _mm256_set1_epi32(pair)));
#endif
}
/* VL floats, rounded to the nearest integers; each is below 2^15. */
SLM_INLINE void vf_to_int16(int16_t *to, vf x) {
  __m256i whole = _mm256_cvtps_epi32(x);
  _mm_storeu_si128((__m128i *)(void *)to, _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}

#elif defined(__SSE2__) && !defined(SLM_SCALAR)
#include <emmintrin.h>
#define VL 4
#define SLM_TILE_ROWS 3
typedef __m128 vf;
typedef __m128i vi;
typedef __m128i vw;
SLM_INLINE vf vf_load(const float *p) { return _mm_loadu_ps(p); }
SLM_INLINE void vf_store(float *p, vf v) { _mm_storeu_ps(p, v); }
SLM_INLINE vf vf_splat(float x) { return _mm_set1_ps(x); }
SLM_INLINE vf vf_add(vf a, vf b) { return _mm_add_ps(a, b); }
SLM_INLINE vf vf_sub(vf a, vf b) { return _mm_sub_ps(a, b); }
SLM_INLINE vf vf_mul(vf a, vf b) { return _mm_mul_ps(a, b); }
SLM_INLINE vf vf_div(vf a, vf b) { return _mm_div_ps(a, b); }
SLM_INLINE vf vf_max(vf a, vf b) { return _mm_max_ps(a, b); }
SLM_INLINE vf vf_min(vf a, vf b) { return _mm_min_ps(a, b); }
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
SLM_INLINE vf vf_select(vf mask, vf a, vf b) { return _mm_or_ps(_mm_and_ps(mask, a), _mm_andnot_ps(mask, b)); }
SLM_INLINE vf vf_of(vi v) { return _mm_cvtepi32_ps(v); }
SLM_INLINE vi vi_zero(void) { return _mm_setzero_si128(); }
SLM_INLINE vi vi_add(vi a, vi b) { return _mm_add_epi32(a, b); }
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(x), _mm_slli_epi32(_mm_castps_si128(shifted), 23)));
}
SLM_INLINE vw vw_load(const int8_t *w) {
  __m128i bytes = _mm_loadl_epi64((const __m128i *)(const void *)w);
  return _mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
}
SLM_INLINE vw vw_low(vw w) { return _mm_srai_epi16(_mm_slli_epi16(w, 12), 12); }
SLM_INLINE vw vw_high(vw w) { return _mm_srai_epi16(w, 4); }
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)(const void *)p)));
}
SLM_INLINE vi vi_dot(vi sum, vw w, int32_t pair) { return _mm_add_epi32(sum, _mm_madd_epi16(w, _mm_set1_epi32(pair))); }
SLM_INLINE void vf_to_int16(int16_t *to, vf x) {
  __m128i whole = _mm_cvtps_epi32(x);
  _mm_storel_epi64((__m128i *)(void *)to, _mm_packs_epi32(whole, whole));
}

#elif defined(__ARM_NEON) && !defined(SLM_SCALAR)
#include <arm_neon.h>
#define VL 4
#define SLM_TILE_ROWS 3
typedef float32x4_t vf;
typedef int32x4_t vi;
typedef int16x8_t vw;
SLM_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
SLM_INLINE void vf_store(float *p, vf v) { vst1q_f32(p, v); }
SLM_INLINE vf vf_splat(float x) { return vdupq_n_f32(x); }
SLM_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
SLM_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
SLM_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
SLM_INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
SLM_INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
SLM_INLINE vf vf_select(vf mask, vf a, vf b) { return vbslq_f32(vreinterpretq_u32_f32(mask), a, b); }
SLM_INLINE vf vf_of(vi v) { return vcvtq_f32_s32(v); }
SLM_INLINE vi vi_zero(void) { return vdupq_n_s32(0); }
SLM_INLINE vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vreinterpretq_s32_f32(shifted), 23)));
}
#if defined(__aarch64__)
SLM_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
#else
SLM_INLINE vf vf_div(vf a, vf b) {
  vf y = vrecpeq_f32(b); /* two Newton steps: 24 bits */
  y = vmulq_f32(y, vrecpsq_f32(b, y));
  y = vmulq_f32(y, vrecpsq_f32(b, y));
  return vmulq_f32(a, y);
}
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return vmlaq_f32(c, a, b); }
#endif
SLM_INLINE vw vw_load(const int8_t *w) { return vmovl_s8(vld1_s8(w)); }
SLM_INLINE vw vw_low(vw w) { return vshrq_n_s16(vshlq_n_s16(w, 12), 12); }
SLM_INLINE vw vw_high(vw w) { return vshrq_n_s16(w, 4); }
SLM_INLINE vf vf_load_upper(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
SLM_INLINE vi vi_dot(vi sum, vw w, int32_t pair) {
  int16x4_t x = vreinterpret_s16_s32(vdup_n_s32(pair));
  int32x4_t low = vmull_s16(vget_low_s16(w), x), high = vmull_s16(vget_high_s16(w), x);
  return vaddq_s32(sum, vcombine_s32(vpadd_s32(vget_low_s32(low), vget_high_s32(low)), vpadd_s32(vget_low_s32(high), vget_high_s32(high))));
}
SLM_INLINE void vf_to_int16(int16_t *to, vf x) {
  vf half = vbslq_f32(vcltq_f32(x, vdupq_n_f32(0.f)), vdupq_n_f32(-0.5f), vdupq_n_f32(0.5f));
  vst1_s16(to, vmovn_s32(vcvtq_s32_f32(vaddq_f32(x, half))));
}

#elif defined(__wasm_simd128__) && !defined(SLM_SCALAR)
#include <wasm_simd128.h>
#define VL 4
#define SLM_TILE_ROWS 4
#define SLM_TILE_NV 2
#define SLM_FLOAT_ROWS 2
typedef v128_t vf;
typedef v128_t vi;
typedef v128_t vw;
SLM_INLINE vf vf_load(const float *p) { return wasm_v128_load(p); }
SLM_INLINE void vf_store(float *p, vf v) { wasm_v128_store(p, v); }
SLM_INLINE vf vf_splat(float x) { return wasm_f32x4_splat(x); }
SLM_INLINE vf vf_add(vf a, vf b) { return wasm_f32x4_add(a, b); }
SLM_INLINE vf vf_sub(vf a, vf b) { return wasm_f32x4_sub(a, b); }
SLM_INLINE vf vf_mul(vf a, vf b) { return wasm_f32x4_mul(a, b); }
SLM_INLINE vf vf_div(vf a, vf b) { return wasm_f32x4_div(a, b); }
SLM_INLINE vf vf_max(vf a, vf b) { return wasm_f32x4_pmax(b, a); }
SLM_INLINE vf vf_min(vf a, vf b) { return wasm_f32x4_pmin(b, a); }
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return wasm_f32x4_add(wasm_f32x4_mul(a, b), c); }
SLM_INLINE vf vf_select(vf mask, vf a, vf b) { return wasm_v128_bitselect(a, b, mask); }
SLM_INLINE vf vf_of(vi v) { return wasm_f32x4_convert_i32x4(v); }
SLM_INLINE vi vi_zero(void) { return wasm_i32x4_splat(0); }
SLM_INLINE vi vi_add(vi a, vi b) { return wasm_i32x4_add(a, b); }
SLM_INLINE vf vf_scale(vf x, vf shifted) { return wasm_i32x4_add(x, wasm_i32x4_shl(shifted, 23)); }
SLM_INLINE vw vw_load(const int8_t *w) { return wasm_i16x8_load8x8(w); }
SLM_INLINE vw vw_low(vw w) { return wasm_i16x8_shr(wasm_i16x8_shl(w, 12), 12); }
SLM_INLINE vw vw_high(vw w) { return wasm_i16x8_shr(w, 4); }
SLM_INLINE vf vf_load_upper(const uint16_t *p) { return wasm_i32x4_shl(wasm_u32x4_load16x4(p), 16); }
SLM_INLINE vi vi_dot(vi sum, vw w, int32_t pair) { return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, wasm_i32x4_splat(pair))); }
SLM_INLINE void vf_to_int16(int16_t *to, vf x) {
  /* In x + 1.5 * 2^23 the low bits are the rounded integer; a conversion would check for NaN. */
  v128_t whole = wasm_i32x4_sub(wasm_f32x4_add(x, wasm_f32x4_splat(12582912.f)), wasm_i32x4_splat(0x4b400000));
  wasm_v128_store64_lane(to, wasm_i16x8_narrow_i32x4(whole, whole), 0);
}

#else
#define VL 1
#define SLM_TILE_ROWS 2
typedef float vf;
typedef int32_t vi;
typedef struct { int32_t first, second; } vw;
SLM_INLINE vf vf_load(const float *p) { return *p; }
SLM_INLINE void vf_store(float *p, vf v) { *p = v; }
SLM_INLINE vf vf_splat(float x) { return x; }
SLM_INLINE vf vf_add(vf a, vf b) { return a + b; }
SLM_INLINE vf vf_sub(vf a, vf b) { return a - b; }
SLM_INLINE vf vf_mul(vf a, vf b) { return a * b; }
SLM_INLINE vf vf_div(vf a, vf b) { return a / b; }
SLM_INLINE vf vf_max(vf a, vf b) { return a > b ? a : b; }
SLM_INLINE vf vf_min(vf a, vf b) { return a < b ? a : b; }
SLM_INLINE vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
SLM_INLINE vf vf_select(vf mask, vf a, vf b) {
  union { float f; uint32_t u; } value;
  value.f = mask;
  return value.u ? a : b;
}
SLM_INLINE vf vf_of(vi v) { return (float)v; }
SLM_INLINE vi vi_zero(void) { return 0; }
SLM_INLINE vi vi_add(vi a, vi b) { return a + b; }
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  union { float f; uint32_t u; } value, by;
  value.f = x;
  by.f = shifted;
  value.u += by.u << 23;
  return value.f;
}
SLM_INLINE vw vw_load(const int8_t *w) {
  vw wide;
  wide.first = w[0];
  wide.second = w[1];
  return wide;
}
SLM_INLINE vw vw_low(vw w) {
  w.first = ((w.first & 15) ^ 8) - 8;
  w.second = ((w.second & 15) ^ 8) - 8;
  return w;
}
SLM_INLINE vw vw_high(vw w) {
  w.first = (w.first - (w.first & 15)) / 16;
  w.second = (w.second - (w.second & 15)) / 16;
  return w;
}
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  union { float f; uint32_t u; } value;
  value.u = (uint32_t)*p << 16;
  return value.f;
}
SLM_INLINE vi vi_dot(vi sum, vw w, int32_t pair) {
  int32_t low = (int16_t)(uint16_t)((uint32_t)pair & 0xffffu), high = (int16_t)(uint16_t)((uint32_t)pair >> 16);
  return sum + w.first * low + w.second * high;
}
SLM_INLINE void vf_to_int16(int16_t *to, vf x) { *to = (int16_t)(x < 0.f ? x - 0.5f : x + 0.5f); }
#endif

/* Lanes are read one by one only where that is not slow: WebAssembly has no way around memory for an array. */
#if defined(__wasm_simd128__) && !defined(SLM_SCALAR)
SLM_INLINE float vf_sum(vf v) {
  return wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1) + wasm_f32x4_extract_lane(v, 2) + wasm_f32x4_extract_lane(v, 3);
}
SLM_INLINE float vf_largest(vf v) {
  v = vf_max(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(vf_max(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2)), 0);
}
#else
SLM_INLINE float vf_sum(vf v) {
  float lanes[VL], total = 0.f;
  int i;
  vf_store(lanes, v);
  for (i = 0; i < VL; i++) total += lanes[i];
  return total;
}
SLM_INLINE float vf_largest(vf v) {
  float lanes[VL], most;
  int i;
  vf_store(lanes, v);
  most = lanes[0];
  for (i = 1; i < VL; i++) most = lanes[i] > most ? lanes[i] : most;
  return most;
}
#endif
SLM_INLINE float slm_sqrt(float x) {
#if defined(__GNUC__)
  return __builtin_sqrtf(x);
#else
  return sqrtf(x);
#endif
}
