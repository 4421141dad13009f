/* Where a number is, or would be, in a sorted list: how many are smaller. */
static int slm_lower_bound(const uint32_t *sorted, int count, uint32_t number) {
  int low = 0, high = count;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (sorted[middle] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
