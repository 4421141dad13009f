/** Largest number of pixels of a decoded image; phone cameras take 12 to 50 million. */
export const MAX_PIXELS = 100_000_000;

/** Largest size of an image file: above camera files of {@link MAX_PIXELS}, far below the memory of a machine [bytes]. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/** Longest side of a model's input image [pixels]; published towers use 224 to 1,024. */
export const MAX_INPUT_SIDE = 4096;
