/*
 * Products of rows with an int4 weight [n, k], in blocks of 32 inputs.
 *
 * A weight is stored in panels of 16 outputs, and a panel in blocks: 16 scales, the upper 16 bits of a float32 each, then the codes from -8 to 7. Four inputs
 * i to i + 3 of the 16 outputs take 32 bytes: byte 2 * output + e has input i + e in its low four bits, and input i + 2 + e in its high four bits. The last
 * block ends after the last four inputs; inputs that do not exist have the code 0.
 *
 * A sum of a block is at most 32 * 8 * 8,191 = 2,096,896, so nothing overflows. Each block's sum is multiplied by its scale as a float.
 */
#define SLM_BLOCK 32
#define SLM_QUADS (SLM_BLOCK / 4)
#define SLM_SCALES_BYTES (2 * SLM_PANEL)

/* Bytes of a panel. */
static size_t slm_int4_panel(int k) { return (size_t)((k + SLM_BLOCK - 1) / SLM_BLOCK + (k + 3) / 4) * SLM_SCALES_BYTES; }

/* Rows of int16 in groups of four. Sums of the rows are added to `out`. */
SLM_INLINE void slm_tile_int4(int rows, const int16_t *x, int stride, const int8_t *w, int quads, vf out[SLM_TILE_ROWS][SLM_NV]) {
  int r, v, i, part;
  for (; quads > 0; quads -= SLM_QUADS, x += SLM_BLOCK) {
    const uint16_t *scales = (const uint16_t *)(const void *)w;
    int here = quads < SLM_QUADS ? quads : SLM_QUADS;
    w += SLM_SCALES_BYTES;
    for (part = 0; part < SLM_NV; part += SLM_TILE_NV) {
      const int8_t *from = w + part * VL * 2;
      vi acc[SLM_TILE_ROWS][SLM_TILE_NV];
      for (r = 0; r < rows; r++)
        for (v = 0; v < SLM_TILE_NV; v++) acc[r][v] = vi_zero();
      for (i = 0; i < here; i++, from += 2 * SLM_PANEL)
        for (v = 0; v < SLM_TILE_NV; v++) {
          vw both = vw_load(from + v * VL * 2), low = vw_low(both), high = vw_high(both);
          for (r = 0; r < rows; r++) {
            const int16_t *four = x + (size_t)r * (size_t)stride + (size_t)(4 * i);
            acc[r][v] = vi_dot(vi_dot(acc[r][v], low, slm_pair(four)), high, slm_pair(four + 2));
          }
        }
      for (r = 0; r < rows; r++)
        for (v = 0; v < SLM_TILE_NV; v++) out[r][part + v] = vf_fma(vf_of(acc[r][v]), vf_load_upper(scales + (part + v) * VL), out[r][part + v]);
    }
    w += here * 2 * SLM_PANEL;
  }
}

SLM_INLINE void slm_rows_int4(int rows, const int16_t *x, int stride, const float *rowScales, const int8_t *w, int quads, int n, const float *bias, float *y, int yStride, int accumulate) {
  vf out[SLM_TILE_ROWS][SLM_NV];
  int r, v;
  for (r = 0; r < rows; r++)
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_splat(0.f);
  slm_tile_int4(rows, x, stride, w, quads, out);
  for (r = 0; r < rows; r++) {
    for (v = 0; v < SLM_NV; v++) out[r][v] = vf_mul(out[r][v], vf_splat(rowScales[r]));
    slm_finish(n, out[r], bias, y + (size_t)r * (size_t)yStride, accumulate);
  }
}

/* `scratch` holds the rows as int16, k rounded up to a multiple of 4, after their scales, one float each. */
SLM_UNUSED static void slm_linear_int4(const float *x, int xStride, int rows, const float *w, int k, int n, const float *bias, float *y, int yStride, int accumulate, float *scratch) {
  int quads = (k + 3) / 4, stride = 4 * quads, p, r;
  const int8_t *panel = (const int8_t *)(const void *)w;
  int16_t *quantized = slm_quantize_rows(x, xStride, rows, k, stride, scratch);
  for (p = 0; p < slm_panels(n); p++, panel += slm_int4_panel(k)) {
    const float *own = bias ? bias + p * SLM_PANEL : slm_zeros;
    int outputs = n - p * SLM_PANEL < SLM_PANEL ? n - p * SLM_PANEL : SLM_PANEL;
    float *to = y + p * SLM_PANEL;
#define SLM_TILE(count, first) slm_rows_int4(count, quantized + (size_t)(first) * (size_t)stride, stride, scratch + (first), panel, quads, outputs, own, to + (size_t)(first) * (size_t)yStride, yStride, accumulate)
    SLM_TILES(rows, SLM_TILE_ROWS, SLM_TILE)
#undef SLM_TILE
  }
}

/* y [rows, width]: rows of a table that is stored as a weight [vocabulary, width]. */
SLM_SMALL static void slm_embed_int4(const int32_t *ids, int rows, const float *w, int width, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++) {
    const int8_t *at = (const int8_t *)(const void *)w + (size_t)(ids[r] / SLM_PANEL) * slm_int4_panel(width);
    int output = ids[r] % SLM_PANEL;
    float scale = 0.f;
    for (i = 0; i < width; i++) {
      int code;
      if (i % SLM_BLOCK == 0) {
        union { float f; uint32_t u; } value;
        value.u = (uint32_t)((const uint16_t *)(const void *)at)[output] << 16;
        scale = value.f;
        at += SLM_SCALES_BYTES;
      }
      code = at[2 * output + i % 2];
      y[(size_t)r * (size_t)yStride + (size_t)i] = (float)((((i % 4 < 2 ? code : (code & 0xf0) / 16) & 15) ^ 8) - 8) * scale;
      if (i % 4 == 3) at += 2 * SLM_PANEL;
    }
  }
}
