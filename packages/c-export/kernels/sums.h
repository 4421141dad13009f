/*
 * Sums of products of weights with activations. A `vs` is the sums of QL outputs.
 *
 * Where activations are halves, the sum of a * w is 128 * the sum of high * w + the sum of low * w. Neither these sums nor those of int16 activations round, so
 * both are the same.
 */

/* gcc copies vectors that a loop adds to, unless it is told that they change in place. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define SLM_IN_PLACE(v) __asm__("" : "+v"(v))
#else
#define SLM_IN_PLACE(v) (void)0
#endif

#if defined(SLM_SPLIT)
typedef struct { vi high, low; } vs;

SLM_INLINE int32_t slm_word(const int16_t *x) {
  int32_t word;
#if defined(__GNUC__)
  __builtin_memcpy(&word, x, 4);
#else
  memcpy(&word, x, 4);
#endif
  return word;
}
SLM_INLINE vs vs_zero(void) {
  vs sums;
  sums.high = sums.low = vi_splat(0);
  return sums;
}
SLM_INLINE vs vs_add(vs a, vs b) {
  a.high = vi_add(a.high, b.high);
  a.low = vi_add(a.low, b.low);
  return a;
}
/* Adds the products of weights with four activations. */
SLM_INLINE void vs_dot(vs *sums, vq w, const int16_t *x) {
  sums->high = vi_dot(sums->high, w, vi_splat(slm_word(x)));
  sums->low = vi_dot(sums->low, w, vi_splat(slm_word(x + 2)));
  SLM_IN_PLACE(sums->high);
  SLM_IN_PLACE(sums->low);
}
/* The sums as floats, QL / VL vectors. excess: what all of them have too much */
SLM_INLINE void vs_floats(vs sums, int32_t excess, vf *out) {
  vi_floats(vi_sub(vi_add(vi_times_128(sums.high), sums.low), vi_splat(excess)), out);
}

#elif QL > 1
/* Each half has half of the outputs, and two sums for each output. */
typedef struct { vw first, second; } vq;
typedef struct { vi first, second; } vs;

SLM_INLINE vq vq_load(const uint8_t *w) {
  vq wide;
  wide.first = vw_load(w);
  wide.second = vw_load(w + 2 * QL);
  return wide;
}
SLM_INLINE vq vq_low(const uint8_t *w) {
  vq wide = vq_load(w);
  wide.first = vw_low(wide.first);
  wide.second = vw_low(wide.second);
  return wide;
}
SLM_INLINE vq vq_high(const uint8_t *w) {
  vq wide = vq_load(w);
  wide.first = vw_high(wide.first);
  wide.second = vw_high(wide.second);
  return wide;
}
SLM_INLINE vs vs_zero(void) {
  vs sums;
  sums.first = sums.second = vi_splat(0);
  return sums;
}
SLM_INLINE vs vs_add(vs a, vs b) {
  a.first = vi_add(a.first, b.first);
  a.second = vi_add(a.second, b.second);
  return a;
}
SLM_INLINE void vs_dot(vs *sums, vq w, const int16_t *x) {
  vx four = vx_load(x);
  sums->first = vi_dot(sums->first, w.first, four);
  sums->second = vi_dot(sums->second, w.second, four);
  SLM_IN_PLACE(sums->first);
  SLM_IN_PLACE(sums->second);
}
SLM_INLINE void vs_floats(vs sums, int32_t excess, vf *out) { vi_floats(vi_sub(vi_pairs(sums.first, sums.second), vi_splat(excess)), out); }

#else
typedef uint32_t vs;
SLM_INLINE vs vs_zero(void) { return 0; }
SLM_INLINE vs vs_add(vs a, vs b) { return a + b; }
SLM_INLINE void vs_dot(vs *sum, vq w, const int16_t *x) { *sum += (uint32_t)(w.a * x[0] + w.b * x[1] + w.c * x[2] + w.d * x[3]); }
SLM_INLINE void vs_floats(vs sum, int32_t excess, vf *out) { *out = (float)(int32_t)(sum - (uint32_t)excess); }
#endif
