/** Limits the number of images that are decoded at a time; the others wait. */
import { DECODED_AT_ONCE } from "../image/limits.js";

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a decoding as soon as fewer than {@link DECODED_AT_ONCE} are running. */
export async function inTurn<Result>(decode: () => Promise<Result>): Promise<Result> {
  // The turn is passed on directly, so it cannot be lost or used twice.
  if (running < DECODED_AT_ONCE) running++;
  else await new Promise<void>((resolve) => waiting.push(resolve));
  try {
    return await decode();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}
