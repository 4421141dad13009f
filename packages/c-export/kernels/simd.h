/*
 * Vectors of float32, one name for each instruction set.
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
/* x * 2^n, where n is the integer in the low bits of `shifted`. */
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}
/* VL floats from their upper 16 bits. */
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}

#elif defined(__SSE2__) && !defined(SLM_SCALAR)
#include <emmintrin.h>
#define VL 4
#define SLM_TILE_ROWS 3
typedef __m128 vf;
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
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  return _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(x), _mm_slli_epi32(_mm_castps_si128(shifted), 23)));
}
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  return _mm_castsi128_ps(_mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)(const void *)p)));
}

#elif defined(__ARM_NEON) && !defined(SLM_SCALAR)
#include <arm_neon.h>
#define VL 4
#define SLM_TILE_ROWS 3
typedef float32x4_t vf;
SLM_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
SLM_INLINE void vf_store(float *p, vf v) { vst1q_f32(p, v); }
SLM_INLINE vf vf_splat(float x) { return vdupq_n_f32(x); }
SLM_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
SLM_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
SLM_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
SLM_INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
SLM_INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); }
SLM_INLINE vf vf_select(vf mask, vf a, vf b) { return vbslq_f32(vreinterpretq_u32_f32(mask), a, b); }
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
SLM_INLINE vf vf_load_upper(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }

#elif defined(__wasm_simd128__) && !defined(SLM_SCALAR)
#include <wasm_simd128.h>
#define VL 4
#define SLM_TILE_ROWS 4
#define SLM_FLOAT_ROWS 2
typedef v128_t vf;
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
SLM_INLINE vf vf_scale(vf x, vf shifted) { return wasm_i32x4_add(x, wasm_i32x4_shl(shifted, 23)); }
SLM_INLINE vf vf_load_upper(const uint16_t *p) { return wasm_i32x4_shl(wasm_u32x4_load16x4(p), 16); }

#else
#define VL 1
#define SLM_TILE_ROWS 2
typedef float vf;
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
SLM_INLINE vf vf_scale(vf x, vf shifted) {
  union { float f; uint32_t u; } value, by;
  value.f = x;
  by.f = shifted;
  value.u += by.u << 23;
  return value.f;
}
SLM_INLINE vf vf_load_upper(const uint16_t *p) {
  union { float f; uint32_t u; } value;
  value.u = (uint32_t)*p << 16;
  return value.f;
}
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
