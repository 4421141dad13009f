/** Largest number of pixels of a decoded image. Phone cameras take 12 to 50 million. */
export const MAX_PIXELS = 100_000_000;

/** Largest size of an image file: above camera files of {@link MAX_PIXELS}, far below the memory of a machine [bytes]. */
export const MAX_IMAGE_BYTES = 64 * 2 ** 20;

/** Longest side of an image [pixels], the maximum of JPEG. A decoder works row by row, so 25 million rows of one pixel took half a minute. */
export const MAX_SIDE = 65_535;

/** Largest ratio of the sides of an image. Source: `smart_resize` of Qwen2-VL, which rejects more. */
export const MAX_RATIO = 200;

/** Files up to this size may use {@link SMALL_FILE_MEMORY} while they are decoded, larger ones {@link MAX_MEMORY} [bytes]. */
export const SMALL_FILE_BYTES = 8 * 2 ** 20;
export const SMALL_FILE_MEMORY = 256 * 2 ** 20;
export const MAX_MEMORY = 2 ** 30;

/** Most pixels in all scans of a progressive JPEG together, because each scan covers the whole image. Encoders write about ten scans. */
export const MAX_SCANNED_PIXELS = 1_000_000_000;

/** Number of images that are decoded at once. Each uses a thread of Node.js's pool of four, which also reads files. */
export const DECODED_AT_ONCE = 2;

/** Longest side of a model's input image [pixels]; published towers use 224 to 1,024. */
export const MAX_INPUT_SIDE = 4096;
