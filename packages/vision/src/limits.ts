/** Pixels of the largest image that is decoded; a phone's camera makes 12 to 50 million. */
export const MAX_PIXELS = 100_000_000;

/** Bytes of the largest image file that is read: above what a camera writes of {@link MAX_PIXELS}, far below memory. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/** Longest side of what a model is shown [pixels]; published towers see 224 to 1,024. */
export const MAX_INPUT_SIDE = 4096;
