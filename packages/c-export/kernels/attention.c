/*
 * Attention of one text, and what it reads and writes. Keys are stored transposed, [kvHeads * headDim, capacity], so that scores are sums over vectors of
 * positions; capacities are multiples of 16.
 */

/* Rotates the two halves of each head. Source: Su et al. 2021 (arXiv:2104.09864), rotate-half layout. cosines and sines [positions, headDim / 2]. */
SLM_UNUSED static void slm_rotate(float *x, int stride, int rows, int start, int heads, int headDim, const float *cosines, const float *sines) {
  int half = headDim / 2, r, h, i;
  for (r = 0; r < rows; r++) {
    const float *c = cosines + (size_t)(start + r) * (size_t)half, *s = sines + (size_t)(start + r) * (size_t)half;
    for (h = 0; h < heads; h++) {
      float *head = x + (size_t)r * (size_t)stride + (size_t)(h * headDim);
      for (i = 0; i + VL <= half; i += VL) {
        vf a = vf_load(head + i), b = vf_load(head + half + i), cosine = vf_load(c + i), sine = vf_load(s + i);
        vf_store(head + i, vf_sub(vf_mul(a, cosine), vf_mul(b, sine)));
        vf_store(head + half + i, vf_fma(a, sine, vf_mul(b, cosine)));
      }
      for (; i < half; i++) {
        float a = head[i], b = head[i + half];
        head[i] = a * c[i] - b * s[i];
        head[i + half] = b * c[i] + a * s[i];
      }
    }
  }
}

/* Writes rows as columns start, start + 1, ... of transposed keys. */
SLM_SMALL static void slm_store_keys(const float *x, int stride, int rows, int start, int width, float *keys, int capacity) {
  int r, i;
  for (r = 0; r < rows; r++, x += stride) {
    float *to = keys + start + r;
    for (i = 0; i < width; i++, to += capacity) *to = x[i];
  }
}

/* y = x, [rows, width]. */
SLM_UNUSED static void slm_copy_rows(const float *x, int xStride, int rows, int width, float *y, int yStride) {
  size_t i, n = (size_t)width, whole = n / VL * VL;
  int r;
  for (r = 0; r < rows; r++, x += xStride, y += yStride) {
    for (i = 0; i < whole; i += VL) vf_store(y + i, vf_load(x + i));
    for (i = whole; i < n; i++) y[i] = x[i];
  }
}

/* Writes rows start, start + 1, ... of values. */
SLM_SMALL static void slm_store_values(const float *x, int stride, int rows, int start, int width, float *states) {
  slm_copy_rows(x, stride, rows, width, states + (size_t)start * (size_t)width, width);
}

/* Zeros, ones and zeros: a mask of the first lanes of a vector, or of the last ones. */
static const int32_t slm_ones[3 * VL] = {
#if VL == 8
  0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0
#elif VL == 4
  0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0
#else
  0, -1, 0
#endif
};

/* The vector at p, with -1e30 in the lanes where the mask has zeros. They are stored together, since a vector cannot be loaded soon after its lanes. */
SLM_INLINE void slm_exclude(float *p, const int32_t *mask) {
  vf_store(p, vf_select(vf_load((const float *)(const void *)mask), vf_load(p), vf_splat(-1e30f)));
}

/* Scores of the keys first to last - 1, in whole vectors. `bias[j]` is added to the score of key j. */
SLM_INLINE void slm_scores(const float *query, const float *keys, int capacity, int headDim, int first, int last, float scale, float softcap, const float *bias, float *p) {
  int from = first / VL * VL, j, d;
  for (j = from; j < last; j += VL) {
    const float *key = keys + j;
    vf even = vf_splat(0.f), odd = vf_splat(0.f), all;
    for (d = 0; d + 2 <= headDim; d += 2, key += 2 * capacity) {
      even = vf_fma(vf_splat(query[d]), vf_load(key), even);
      odd = vf_fma(vf_splat(query[d + 1]), vf_load(key + capacity), odd);
    }
    if (d < headDim) even = vf_fma(vf_splat(query[d]), vf_load(key), even);
    all = vf_mul(vf_add(even, odd), vf_splat(scale));
    if (softcap > 0.f) all = vf_mul(vf_splat(softcap), vf_tanh(vf_mul(all, vf_splat(1.f / softcap))));
    vf_store(p + j, all);
  }
  if (bias) {
    for (j = first; j + VL <= last; j += VL) vf_store(p + j, vf_add(vf_load(p + j), vf_load(bias + j)));
    for (; j < last; j++) p[j] += bias[j];
  }
  if (from < first) slm_exclude(p + from, slm_ones + VL - (first - from));
  if (last % VL != 0) slm_exclude(p + last / VL * VL, slm_ones + 2 * VL - last % VL);
}

/* The scores first to last - 1 become e^(score - highest score). @returns what they are multiplied by to get probabilities */
SLM_INLINE float slm_exponentials(int first, int last, float *p) {
  vf top = vf_splat(-1e30f), sum = vf_splat(0.f);
  float most;
  int from = first / VL * VL, j;
  for (j = from; j < last; j += VL) top = vf_max(top, vf_load(p + j));
  most = vf_largest(top);
  for (j = from; j < last; j += VL) {
    vf e = vf_exp(vf_sub(vf_load(p + j), vf_splat(most)));
    vf_store(p + j, e);
    sum = vf_add(sum, e); /* Lanes outside are 1e-38 here, which is lost next to the 1 of the largest score. */
  }
  return 1.f / vf_sum(sum);
}

/* y = scale * sum of p[j] values[j], a number of vectors of one head; where `adds`, it is added to y. */
SLM_INLINE void slm_mix_vectors(int count, const float *p, float scale, const float *values, int stride, int first, int last, int adds, float *y) {
  vf out[4];
  int j, v;
  values += (size_t)first * (size_t)stride;
  for (v = 0; v < count; v++) out[v] = vf_splat(0.f);
  for (j = first; j < last; j++, values += stride)
    for (v = 0; v < count; v++) out[v] = vf_fma(vf_splat(p[j]), vf_load(values + v * VL), out[v]);
  for (v = 0; v < count; v++) out[v] = vf_mul(out[v], vf_splat(scale));
  if (adds)
    for (v = 0; v < count; v++) out[v] = vf_add(vf_load(y + v * VL), out[v]);
  for (v = 0; v < count; v++) vf_store(y + v * VL, out[v]);
}

/* y = scale * sum of p[j] values[j], one head; where `adds`, it is added to y. */
SLM_INLINE void slm_mix(const float *p, float scale, const float *values, int stride, int headDim, int first, int last, int adds, float *y) {
  int d = 0, j;
  for (; d + 4 * VL <= headDim; d += 4 * VL) slm_mix_vectors(4, p, scale, values + d, stride, first, last, adds, y + d);
  for (; d + 2 * VL <= headDim; d += 2 * VL) slm_mix_vectors(2, p, scale, values + d, stride, first, last, adds, y + d);
  for (; d + VL <= headDim; d += VL) slm_mix_vectors(1, p, scale, values + d, stride, first, last, adds, y + d);
  for (; d < headDim; d++) {
    float out = 0.f;
    for (j = first; j < last; j++) out += p[j] * values[(size_t)j * (size_t)stride + d];
    y[d] = (adds ? y[d] : 0.f) + out * scale;
  }
}

/* The keys and values of slm_attend, then those of a source that every row reads too, with one softmax; 0: none. */
SLM_SHARED void slm_attend_rows(const float *query, int qStride, int rows, int start, const float *keys, int capacity, const float *values, int vStride, int count, const float *sourceKeys, int sourceCapacity, const float *sourceValues, int sStride, int sourceCount, int heads, int kvHeads, int headDim, int modulo, float scale, float softcap, int before, int after, const float *bias, int reach, float *scratch, float *y, int yStride) {
  int sets = sourceKeys ? 2 : 1, r, h, s;
  for (r = 0; r < rows; r++) {
    int position = start + r;
    int first = before >= 0 && position - before > 0 ? position - before : 0;
    int last = after >= 0 && position + after + 1 < count ? position + after + 1 : count;
    /* Scores of the source start at a whole vector. */
    int next = (last + VL - 1) / VL * VL;
    for (h = 0; h < heads; h++) {
      int kv = modulo ? h % kvHeads : h / (heads / kvHeads);
      const float *own = bias ? bias + (size_t)h * (size_t)(2 * reach - 1) + (reach - 1 - position) : 0;
      const float *q = query + (size_t)r * (size_t)qStride + (size_t)(h * headDim);
      float *out = y + (size_t)r * (size_t)yStride + (size_t)(h * headDim);
      float share;
      for (s = 0; s < sets; s++) {
        int room = s ? sourceCapacity : capacity;
        slm_scores(q, (s ? sourceKeys : keys) + (size_t)(kv * headDim) * (size_t)room, room, headDim, s ? 0 : first, s ? sourceCount : last, scale, softcap, s ? 0 : own, scratch + (s ? next : 0));
      }
      share = slm_exponentials(first, sets == 2 ? next + sourceCount : last, scratch);
      for (s = 0; s < sets; s++)
        slm_mix(scratch + (s ? next : 0), share, (s ? sourceValues : values) + (size_t)(kv * headDim), s ? sStride : vStride, headDim, s ? 0 : first, s ? sourceCount : last, s, out);
    }
  }
}

/*
 * y [rows, heads * headDim] = softmax(scale * query keysT + bias) values, row r at position start + r.
 *
 * A row reads the keys from position - before to position + after, of `count` keys; before and after -1: without a limit there. Query head h reads key head
 * h / group, or h % kvHeads where `modulo`. bias [heads, 2 * reach - 1]: by key minus query position, from 1 - reach on; 0: none. scratch: p [capacity].
 */
SLM_UNUSED static void slm_attend(const float *query, int qStride, int rows, int start, const float *keys, int capacity, const float *values, int vStride, int count, int heads, int kvHeads, int headDim, int modulo, float scale, float softcap, int before, int after, const float *bias, int reach, float *scratch, float *y, int yStride) {
  slm_attend_rows(query, qStride, rows, start, keys, capacity, values, vStride, count, 0, 0, 0, 0, 0, heads, kvHeads, headDim, modulo, scale, softcap, before, after, bias, reach, scratch, y, yStride);
}

/* The same without a bias, with one softmax over these keys and the `sourceCount` keys of a source. scratch: p [capacity + sourceCapacity]. */
SLM_UNUSED static void slm_attend_both(const float *query, int qStride, int rows, int start, const float *keys, int capacity, const float *values, int vStride, int count, const float *sourceKeys, int sourceCapacity, const float *sourceValues, int sStride, int sourceCount, int heads, int kvHeads, int headDim, int modulo, float scale, float softcap, int before, int after, float *scratch, float *y, int yStride) {
  slm_attend_rows(query, qStride, rows, start, keys, capacity, values, vStride, count, sourceKeys, sourceCapacity, sourceValues, sStride, sourceCount, heads, kvHeads, headDim, modulo, scale, softcap, before, after, 0, 0, scratch, y, yStride);
}
