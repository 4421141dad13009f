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

SLM_INLINE vf slm_activated(int kind, vf x, float limit) {
  switch (kind) {
    case SLM_GELU: /* x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), the tanh form */
      return vf_mul(x, vf_sigmoid(vf_mul(x, vf_fma(vf_mul(x, x), vf_splat(0.0713548162726f), vf_splat(1.5957691216f)))));
    case SLM_ERF_GELU:
      return vf_mul(vf_mul(x, vf_splat(0.5f)), vf_add(vf_splat(1.f), vf_erf(vf_mul(x, vf_splat(0.70710678f)))));
    case SLM_QUICK_GELU:
      return vf_mul(x, vf_sigmoid(vf_mul(x, vf_splat(1.702f))));
    case SLM_RELU:
      return vf_max(x, vf_splat(0.f));
    case SLM_SILU:
      return vf_mul(x, vf_sigmoid(x));
    default:
      return vf_mul(vf_splat(limit), vf_tanh(vf_mul(x, vf_splat(1.f / limit))));
  }
}

/* x [rows, width] becomes f(x). */
SLM_UNUSED static void slm_activate(int kind, float *x, int stride, int rows, int width, float limit) {
  int r, i;
  for (r = 0; r < rows; r++) {
    float *row = x + (size_t)r * (size_t)stride;
    for (i = 0; i + VL <= width; i += VL) vf_store(row + i, slm_activated(kind, vf_load(row + i), limit));
    if (i < width) {
      float rest[VL] = {0};
      int j;
      for (j = 0; i + j < width; j++) rest[j] = row[i + j];
      vf_store(rest, slm_activated(kind, vf_load(rest), limit));
      for (j = 0; i + j < width; j++) row[i + j] = rest[j];
    }
  }
}

/* y = a + b, [rows, width]; y may be a. */
SLM_UNUSED static void slm_add(const float *a, int aStride, const float *b, int bStride, int rows, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++)
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = a[(size_t)r * (size_t)aStride + (size_t)i] + b[(size_t)r * (size_t)bStride + (size_t)i];
}

/* y = a * b, elementwise, [rows, width]; y may be a. */
SLM_UNUSED static void slm_multiply(const float *a, int aStride, const float *b, int bStride, int rows, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++)
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = a[(size_t)r * (size_t)aStride + (size_t)i] * b[(size_t)r * (size_t)bStride + (size_t)i];
}
