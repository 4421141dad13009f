/** Pixels of the largest image that is decoded; a phone's camera makes 12 to 50 million. */
export const MAX_PIXELS = 100_000_000;
