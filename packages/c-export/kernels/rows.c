/*
 * Operations on rows of a text.
 */

/* Rows start, start + 1, ... of a table [positions, width]. */
SLM_SMALL static void slm_position_rows(const float *table, int rows, int start, int width, float *y, int yStride) {
  slm_copy_rows(table + (size_t)start * (size_t)width, width, rows, width, y, yStride);
}

/* The last `wanted` of `rows` rows. */
SLM_SMALL static void slm_last_rows(const float *x, int xStride, int rows, int wanted, int width, float *y, int yStride) {
  slm_copy_rows(x + (size_t)(rows - wanted) * (size_t)xStride, xStride, wanted, width, y, yStride);
}

/* Means of `group` neighbouring rows, where rows that are missing count as zeros: [rows] -> [ceil(rows / group)]. Source: arXiv:2006.03236, section 2.2. */
SLM_SMALL static void slm_pool(const float *x, int xStride, int rows, int group, int width, float *y, int yStride) {
  int r, i, j;
  for (r = 0; r * group < rows; r++)
    for (i = 0; i < width; i++) {
      float sum = 0.f;
      for (j = r * group; j < (r + 1) * group && j < rows; j++) sum += x[(size_t)j * (size_t)xStride + (size_t)i];
      y[(size_t)r * (size_t)yStride + (size_t)i] = sum / (float)group;
    }
}

/* Gated linear recurrence: state = g * state + (1 - g) * x, g = sigmoid(gate). states [capacity, width] keeps one state for each position. */
SLM_SMALL static void slm_recurrence(const float *x, int xStride, const float *gate, int gateStride, int rows, int start, int width, float *states, float *y, int yStride) {
  int r, i;
  for (r = 0; r < rows; r++)
    for (i = 0; i < width; i++) {
      float lanes[VL] = {0}, before = start + r > 0 ? states[(size_t)(start + r - 1) * (size_t)width + (size_t)i] : 0.f, g;
      lanes[0] = gate[(size_t)r * (size_t)gateStride + (size_t)i];
      vf_store(lanes, vf_sigmoid(vf_load(lanes)));
      g = lanes[0];
      before = g * before + (1.f - g) * x[(size_t)r * (size_t)xStride + (size_t)i];
      states[(size_t)(start + r) * (size_t)width + (size_t)i] = before;
      y[(size_t)r * (size_t)yStride + (size_t)i] = before;
    }
}
