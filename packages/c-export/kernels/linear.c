/*
 * Products of rows with a weight [n, k]: y = x wT + bias.
 *
 * A weight is stored in panels of 16 outputs. float32: the k inputs of a panel follow each other, each with its 16 outputs.
 *
 * int8: first the scales of the outputs, one float32 each, padded to 16. The inputs of a panel follow each other in fours, each with 16 outputs of four weights,
 * stored as 128 + w.
 *
 * int8 weights are multiplied by activations of 14 bits: each row is scaled so that its largest element is 8191. A sum of 2,048 products is at most
 * 2,048 * 127 * 8,191 = 2,130,446,336, which is below 2^31, so nothing overflows. Longer rows are summed in parts.
 */
#define SLM_PANEL 16
#define SLM_NV (SLM_PANEL / VL)
#define SLM_NQ (SLM_PANEL / QL)
/* Rows of a tile of floats. Default: the same. */
#if !defined(SLM_FLOAT_ROWS)
#define SLM_FLOAT_ROWS SLM_TILE_ROWS
#endif
#define SLM_LARGEST 8191.f
#define SLM_PART 2048
/* Rows that are activations at the same time: a multiple of the rows of every tile. */
#define SLM_ROWS 36

SLM_INLINE void slm_tile_float(int rows, const float *x, int stride, const float *w, int k, vf out[SLM_TILE_ROWS][SLM_NV]) {
  vf acc[SLM_TILE_ROWS][SLM_NV];
  int r, v, i;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) acc[r][v] = vf_splat(0.f);
  for (i = 0; i < k; i++, w += SLM_PANEL) {
    vf b[SLM_NV];
    for (v = 0; v < SLM_NV; v++) b[v] = vf_load(w + v * VL);
    for (r = 0; r < rows; r++) {
      vf a = vf_splat(x[(size_t)r * (size_t)stride + (size_t)i]);
      for (v = 0; v < SLM_NV; v++) acc[r][v] = vf_fma(a, b[v], acc[r][v]);
    }
  }
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = acc[r][v];
}

/* One row and one panel with four chains of sums, because a chain would wait for itself. */
SLM_INLINE void slm_row_float(const float *x, const float *w, int k, vf out[SLM_NV]) {
  vf acc[4][SLM_NV];
  int v, i, s;
  for (s = 0; s < 4; s++)
    for (v = 0; v < SLM_NV; v++) acc[s][v] = vf_splat(0.f);
  for (i = 0; i + 4 <= k; i += 4)
    for (s = 0; s < 4; s++)
      for (v = 0; v < SLM_NV; v++) acc[s][v] = vf_fma(vf_splat(x[i + s]), vf_load(w + (size_t)(i + s) * SLM_PANEL + v * VL), acc[s][v]);
  for (; i < k; i++)
    for (v = 0; v < SLM_NV; v++) acc[0][v] = vf_fma(vf_splat(x[i]), vf_load(w + (size_t)i * SLM_PANEL + v * VL), acc[0][v]);
  for (v = 0; v < SLM_NV; v++) out[v] = vf_add(vf_add(acc[0][v], acc[1][v]), vf_add(acc[2][v], acc[3][v]));
}

/* Adds vectors of sums to `out`. */
SLM_INLINE void slm_add_sums(int count, const vs *sums, int32_t excess, vf *out) {
  vf more[QL / VL];
  int v, i;
  for (v = 0; v < count; v++) {
    vs_floats(sums[v], excess, more);
    for (i = 0; i < QL / VL; i++) out[v * (QL / VL) + i] = vf_add(out[v * (QL / VL) + i], more[i]);
  }
}

/* Rows of activations in fours, at most SLM_PART / 4 of them. Sums of the rows are added to `out` as floats. excess: of the rows, `parts` apart */
SLM_INLINE void slm_tile_int8(int rows, const int16_t *x, int stride, const int32_t *excess, int parts, const uint8_t *w, int quads, vf out[SLM_TILE_ROWS][SLM_NV]) {
  int r, v, i, part;
  for (part = 0; part < SLM_NQ; part += SLM_TILE_NQ) {
    const uint8_t *from = w + part * QL * 4;
    vs acc[SLM_TILE_ROWS][SLM_TILE_NQ];
    for (r = 0; r < rows; r++)
      for (v = 0; v < SLM_TILE_NQ; v++) acc[r][v] = vs_zero();
    for (i = 0; i < quads; i++, from += 4 * SLM_PANEL) {
      vq b[SLM_TILE_NQ];
      for (v = 0; v < SLM_TILE_NQ; v++) b[v] = vq_load(from + v * QL * 4);
      for (r = 0; r < rows; r++)
        for (v = 0; v < SLM_TILE_NQ; v++) vs_dot(&acc[r][v], b[v], x + (size_t)r * (size_t)stride + (size_t)(4 * i));
    }
    for (r = 0; r < rows; r++) slm_add_sums(SLM_TILE_NQ, acc[r], excess[r * parts], out[r] + part * (QL / VL));
  }
}

/* One row and one panel with as many chains of sums as fit in registers, because a chain would wait for itself. */
#define SLM_CHAINS (SLM_NQ < 4 ? 4 / SLM_NQ : 1)
SLM_INLINE void slm_row_int8(const int16_t *x, int32_t excess, const uint8_t *w, int quads, vf out[SLM_NV]) {
  vs acc[SLM_CHAINS][SLM_NQ];
  int v, i, c;
  for (c = 0; c < SLM_CHAINS; c++)
    for (v = 0; v < SLM_NQ; v++) acc[c][v] = vs_zero();
  for (i = 0; i + SLM_CHAINS <= quads; i += SLM_CHAINS, x += SLM_CHAINS * 4, w += SLM_CHAINS * 4 * SLM_PANEL)
    for (c = 0; c < SLM_CHAINS; c++)
      for (v = 0; v < SLM_NQ; v++) vs_dot(&acc[c][v], vq_load(w + c * 4 * SLM_PANEL + v * QL * 4), x + 4 * c);
  for (c = 0; c < SLM_CHAINS - 1; c++)
    if (i + c < quads)
      for (v = 0; v < SLM_NQ; v++) vs_dot(&acc[c][v], vq_load(w + c * 4 * SLM_PANEL + v * QL * 4), x + 4 * c);
  for (c = 1; c < SLM_CHAINS; c++)
    for (v = 0; v < SLM_NQ; v++) acc[0][v] = vs_add(acc[0][v], acc[c][v]);
  slm_add_sums(SLM_NQ, acc[0], excess, out);
}

/* VL elements of a row as activations, of which `count` are stored; those from n on are zeros. @returns them as floats */
SLM_INLINE vf slm_quantize_rest(const float *x, int n, float scale, int16_t *to, int count) {
  float rest[VL];
  int16_t all[VL];
  vf rounded;
  int i;
  for (i = 0; i < VL; i++) rest[i] = i < n ? x[i] * scale : 0.f;
  rounded = vf_to_activations(all, vf_load(rest));
  for (i = 0; i < VL && i < count; i++) to[i] = all[i];
  return rounded;
}

/* The largest size of an element. */
SLM_INLINE float slm_largest(const float *x, int k) {
  vf top[4], bottom[4];
  float most;
  int i, v;
  for (v = 0; v < 4; v++) top[v] = bottom[v] = vf_splat(0.f);
  for (i = 0; i + 4 * VL <= k; i += 4 * VL)
    for (v = 0; v < 4; v++) {
      top[v] = vf_max(top[v], vf_load(x + i + v * VL));
      bottom[v] = vf_min(bottom[v], vf_load(x + i + v * VL));
    }
  for (; i + VL <= k; i += VL) {
    top[0] = vf_max(top[0], vf_load(x + i));
    bottom[0] = vf_min(bottom[0], vf_load(x + i));
  }
  for (v = 1; v < 4; v++) {
    top[0] = vf_max(top[0], top[v]);
    bottom[0] = vf_min(bottom[0], bottom[v]);
  }
  most = vf_largest(vf_max(vf_max(top[0], vf_sub(vf_splat(0.f), bottom[0])), vf_splat(1e-20f)));
  for (; i < k; i++) most = x[i] > most ? x[i] : -x[i] > most ? -x[i] : most;
  return most;
}

/*
 * Rows as activations, padded with zeros to `stride`. Writes what 1 stands for in each row to `scales`, then what the sums of each part of each row have too
 * much, then the rows. A part has at most 2,048 activations, so that floats add them exactly.
 */
SLM_UNUSED static int16_t *slm_quantize_rows(const float *x, int xStride, int rows, int k, int stride, int part, float *scales) {
  int parts = (k + part - 1) / part, r, i, j;
  int32_t *excess = (int32_t *)(void *)(scales + rows);
  int16_t *to = (int16_t *)(void *)(excess + rows * parts);
  for (r = 0; r < rows; r++, x += xStride, to += stride) {
    float most = slm_largest(x, k), scale = SLM_LARGEST / most;
    for (i = 0, j = 0; j < parts; j++) {
      int end = (j + 1) * part < stride ? (j + 1) * part : stride;
      vf sum = vf_splat(0.f);
      for (; i + VL <= end && i + VL <= k; i += VL) sum = vf_add(sum, vf_to_activations(to + i, vf_mul(vf_load(x + i), vf_splat(scale))));
      for (; i < end; i += VL) sum = vf_add(sum, slm_quantize_rest(x + i, k - i, scale, to + i, end - i));
      *excess++ = SLM_OFFSET * (int32_t)vf_sum(sum);
    }
    scales[r] = most / SLM_LARGEST;
  }
  return to - rows * stride;
}

/* The first n of a panel's sums, stored or added. */
SLM_SMALL static void slm_store_part(int n, const float *sums, float *y, int accumulate) {
  int i;
  for (i = 0; i < n; i++) y[i] = accumulate ? y[i] + sums[i] : sums[i];
}

static const float slm_zeros[SLM_PANEL];

/* Adds a panel's bias to its sums, and stores them in y or adds them to it. Only the first `n` are real. */
SLM_INLINE void slm_finish(int n, const vf sums[SLM_NV], const float *bias, float *y, int accumulate) {
  float rest[SLM_PANEL], *to = n < SLM_PANEL ? rest : y;
  const float *before = accumulate && n == SLM_PANEL ? y : slm_zeros; /* Adding zeros costs less than a branch. */
  int v;
  for (v = 0; v < SLM_NV; v++) vf_store(to + v * VL, vf_add(vf_load(before + v * VL), vf_add(sums[v], vf_load(bias + v * VL))));
  if (n < SLM_PANEL) slm_store_part(n, rest, y, accumulate);
}

/* Calls `tile(count, first)` for all rows: at most `most` rows from `first` on. The module, which is downloaded, has fewer copies of the loops. */
#if defined(__wasm__)
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r < (rows); r++) tile(1, r);
#elif SLM_TILE_ROWS > 4
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r + 4 <= (rows); r += 4) tile(4, r); \
  for (; r + 2 <= (rows); r += 2) tile(2, r); \
  for (; r < (rows); r++) tile(1, r);
#else
#define SLM_TILES(rows, most, tile) \
  for (r = 0; r + most <= (rows); r += most) tile(most, r); \
  for (; r + 2 <= (rows); r += 2) tile(2, r); \
  for (; r < (rows); r++) tile(1, r);
#endif

SLM_INLINE void slm_rows_float(int rows, const float *x, int xStride, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int r;
  if (rows == 1) slm_row_float(x, w, k, out[0]);
  else slm_tile_float(rows, x, xStride, w, k, out);
  for (r = 0; r < rows; r++) slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
}

/* Parts of a row. */
SLM_INLINE int slm_parts(int quads) { return (4 * quads + SLM_PART - 1) / SLM_PART; }

SLM_INLINE void slm_rows_int8(int rows, const int16_t *x, int stride, const float *rowScales, const int32_t *excess, const uint8_t *w, int quads, int n, const float *scales, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int parts = slm_parts(quads), r, v, from;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_splat(0.f);
  for (from = 0; from < quads; from += SLM_PART / 4, excess++) {
    const uint8_t *panel = w + (size_t)from * 4 * SLM_PANEL;
    int part = quads - from < SLM_PART / 4 ? quads - from : SLM_PART / 4;
    if (rows == 1) slm_row_int8(x + 4 * from, *excess, panel, part, out[0]);
    else slm_tile_int8(rows, x + 4 * from, stride, excess, parts, panel, part, out);
  }
  for (r = 0; r < rows; r++) {
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_mul(vf_mul(out[r][v], vf_splat(rowScales[r])), vf_load(scales + v * VL));
    slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
  }
}

static int slm_panels(int n) { return (n + SLM_PANEL - 1) / SLM_PANEL; }

SLM_UNUSED static void slm_linear_float(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate) {
  int p, r;
  for (p = 0; p < slm_panels(n); p++) {
    const float *panel = w + (size_t)p * (size_t)k * SLM_PANEL, *own = bias ? bias + p * SLM_PANEL : slm_zeros;
    int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
    float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_float(count, x + (size_t)(first) * (size_t)xStride, xStride, panel, k, outputs, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
    SLM_TILES(rows, SLM_FLOAT_ROWS, SLM_TILE)
#undef SLM_TILE
  }
}

/* `scratch` holds what slm_quantize_rows writes for SLM_ROWS rows; stride is k rounded up to a multiple of 4. */
SLM_UNUSED static void slm_linear_int8(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate, float *scratch) {
  int quads = (k + 3) / 4, stride = 4 * quads, parts = slm_parts(quads), panels = slm_panels(n), p, r;
  const uint8_t *bytes = (const uint8_t *)(const void *)(w + panels * SLM_PANEL);
  for (; rows > 0; rows -= SLM_ROWS, x += (size_t)SLM_ROWS * (size_t)xStride, y += (size_t)SLM_ROWS * (size_t)yStride) {
    int some = rows < SLM_ROWS ? rows : SLM_ROWS;
    const int32_t *excess = (const int32_t *)(const void *)(scratch + some);
    int16_t *quantized = slm_quantize_rows(x, xStride, some, k, stride, SLM_PART, scratch);
    for (p = 0; p < panels; p++) {
      const uint8_t *panel = bytes + (size_t)p * (size_t)quads * 4 * SLM_PANEL;
      const float *own = bias ? bias + p * SLM_PANEL : slm_zeros;
      int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
      float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_int8(count, quantized + (size_t)(first) * (size_t)stride, stride, scratch + (first), excess + (first) * parts, panel, quads, outputs, w + p * SLM_PANEL, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
      SLM_TILES(some, SLM_TILE_ROWS, SLM_TILE)
#undef SLM_TILE
    }
  }
}

/* y [rows, width]: rows of a table that is stored as a weight [vocabulary, width]. */
SLM_SMALL static void slm_embed_float(const int32_t *ids, int rows, const float *w, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++) {
    const float *panel = w + (size_t)(ids[r] / SLM_PANEL) * (size_t)width * SLM_PANEL + ids[r] % SLM_PANEL;
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = panel[(size_t)i * SLM_PANEL];
  }
}
SLM_SMALL static void slm_embed_int8(const int32_t *ids, int rows, const float *w, int width, int vocabulary, float *y, int yStride) {
  const uint8_t *bytes = (const uint8_t *)(const void *)(w + slm_panels(vocabulary) * SLM_PANEL);
  int quads = (width + 3) / 4, r, i;
  for (r = 0; r < rows; r++) {
    const uint8_t *panel = bytes + (size_t)(ids[r] / SLM_PANEL) * (size_t)quads * 4 * SLM_PANEL + ids[r] % SLM_PANEL * 4;
    for (i = 0; i < width; i++) y[(size_t)r * (size_t)yStride + (size_t)i] = (float)(panel[(size_t)(i / 4) * 4 * SLM_PANEL + (size_t)(i % 4)] - 128) * w[ids[r]];
  }
}
