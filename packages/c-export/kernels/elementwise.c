/*
 * Functions of single elements. Source of the forms: the operators of the same names in the op set.
 */

/*
 * e^x with a relative error below 3e-7 (e2e/c/functions.c). x is clamped to -87 to 88, where the result is a
 * normal number. n = round(x / ln 2) is added to the exponent; the polynomial is e^r on |r| <= ln(2) / 2 (Cephes, expf).
 */
SLM_INLINE vf vf_exp(vf x) {
  vf shifted, n, r, p;
  x = vf_min(vf_max(x, vf_splat(-87.f)), vf_splat(88.f));
  shifted = vf_fma(x, vf_splat(1.44269504f), vf_splat(12582912.f)); /* 1.5 * 2^23: the sum's low bits are the rounded integer */
  n = vf_sub(shifted, vf_splat(12582912.f));
  r = vf_fma(n, vf_splat(-0.693359375f), x);
  r = vf_fma(n, vf_splat(2.12194440e-4f), r);
  p = vf_fma(r, vf_splat(1.9875691500e-4f), vf_splat(1.3981999507e-3f));
  p = vf_fma(p, r, vf_splat(8.3334519073e-3f));
  p = vf_fma(p, r, vf_splat(4.1665795894e-2f));
  p = vf_fma(p, r, vf_splat(1.6666665459e-1f));
  p = vf_fma(p, r, vf_splat(5.0000001201e-1f));
  p = vf_fma(p, vf_mul(r, r), vf_add(r, vf_splat(1.f)));
  return vf_scale(p, shifted);
}
/* 1 / (1 + e^-x) */
SLM_INLINE vf vf_sigmoid(vf x) {
  return vf_div(vf_splat(1.f), vf_add(vf_splat(1.f), vf_exp(vf_sub(vf_splat(0.f), x))));
}
/* tanh(x) = 2 sigmoid(2x) - 1, with an absolute error below 3e-7; 4e-7 on armv7, which divides by a reciprocal */
SLM_INLINE vf vf_tanh(vf x) {
  return vf_sub(vf_mul(vf_splat(2.f), vf_sigmoid(vf_add(x, x))), vf_splat(1.f));
}
/* The error function with an absolute error below 5e-7; 7e-7 on armv7. Source: Abramowitz and Stegun, 7.1.26. */
SLM_INLINE vf vf_erf(vf x) {
  vf size = vf_max(x, vf_sub(vf_splat(0.f), x));
  vf t = vf_div(vf_splat(1.f), vf_fma(size, vf_splat(0.3275911f), vf_splat(1.f)));
  vf p = vf_fma(t, vf_splat(1.061405429f), vf_splat(-1.453152027f));
  vf sign = vf_min(vf_max(vf_mul(x, vf_splat(1e30f)), vf_splat(-1.f)), vf_splat(1.f));
  p = vf_fma(p, t, vf_splat(1.421413741f));
  p = vf_fma(p, t, vf_splat(-0.284496736f));
  p = vf_mul(vf_fma(p, t, vf_splat(0.254829592f)), t);
  return vf_mul(sign, vf_sub(vf_splat(1.f), vf_mul(p, vf_exp(vf_sub(vf_splat(0.f), vf_mul(size, size))))));
}

enum { SLM_GELU, SLM_ERF_GELU, SLM_QUICK_GELU, SLM_RELU, SLM_SILU, SLM_SOFTCAP };

/* An activation: erf GELU, ReLU, x / (1 + e^(x (cubic x^2 + linear))), or a softcap. */
typedef struct { int kind; float cubic, linear, limit; } slm_activation;

/* limit: of SLM_SOFTCAP, which is limit tanh(x / limit). */
static slm_activation slm_activation_of(int kind, float limit) {
  slm_activation f;
  f.kind = kind;
  f.cubic = 0.f;
  f.linear = -1.f;
  f.limit = limit;
  if (kind == SLM_GELU) { /* x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), the tanh form */
    f.cubic = -0.0713548162726f;
    f.linear = -1.5957691216f;
  } else if (kind == SLM_QUICK_GELU) f.linear = -1.702f;
  return f;
}

SLM_INLINE vf slm_activated(const slm_activation *f, vf x) {
  vf inner;
  if (f->kind == SLM_RELU) return vf_max(x, vf_splat(0.f));
  if (f->kind == SLM_ERF_GELU) return vf_mul(vf_mul(x, vf_splat(0.5f)), vf_add(vf_splat(1.f), vf_erf(vf_mul(x, vf_splat(0.70710678f)))));
  if (f->kind == SLM_SOFTCAP) return vf_mul(vf_splat(f->limit), vf_tanh(vf_mul(x, vf_splat(1.f / f->limit))));
  inner = vf_mul(x, vf_fma(vf_mul(x, x), vf_splat(f->cubic), vf_splat(f->linear)));
  return vf_div(x, vf_add(vf_splat(1.f), vf_exp(inner)));
}

/* x [rows, width] becomes f(x). */
SLM_UNUSED static void slm_activate(int kind, float *x, int stride, int rows, int width, float limit) {
  slm_activation f = slm_activation_of(kind, limit);
  size_t i, j, n = (size_t)width;
  int r;
  for (r = 0; r < rows; r++, x += stride)
    for (i = 0; i < n; i += VL) {
      float rest[VL], *at = x + i;
      if (n - i < VL) {
        for (j = 0; j < VL; j++) rest[j] = i + j < n ? x[i + j] : 0.f;
        at = rest;
      }
      vf_store(at, slm_activated(&f, vf_load(at)));
      if (at == rest)
        for (j = 0; i + j < n; j++) x[i + j] = rest[j];
    }
}

/* y = a + b, or a * b elementwise, [rows, width]; y may be a. */
SLM_INLINE void slm_combine(int isProduct, const float *a, int aStride, const float *b, int bStride, int rows, int width, float *y, int yStride) {
  size_t i, n = (size_t)width, whole = n / VL * VL;
  int r;
  for (r = 0; r < rows; r++, a += aStride, b += bStride, y += yStride) {
    for (i = 0; i < whole; i += VL) vf_store(y + i, isProduct ? vf_mul(vf_load(a + i), vf_load(b + i)) : vf_add(vf_load(a + i), vf_load(b + i)));
    for (i = whole; i < n; i++) y[i] = isProduct ? a[i] * b[i] : a[i] + b[i];
  }
}
SLM_UNUSED static void slm_add(const float *a, int aStride, const float *b, int bStride, int rows, int width, float *y, int yStride) {
  slm_combine(0, a, aStride, b, bStride, rows, width, y, yStride);
}
SLM_UNUSED static void slm_multiply(const float *a, int aStride, const float *b, int bStride, int rows, int width, float *y, int yStride) {
  slm_combine(1, a, aStride, b, bStride, rows, width, y, yStride);
}
