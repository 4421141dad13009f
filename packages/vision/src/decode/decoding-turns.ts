/** Lets a few images be decoded at a time; the others wait for their turn. */
import { DECODED_AT_ONCE } from "../image/limits.js";

let running = 0;
const waiting: (() => void)[] = [];

/** Runs a decoding when fewer than {@link DECODED_AT_ONCE} are running. */
export async function inTurn<Result>(decode: () => Promise<Result>): Promise<Result> {
  // A turn is handed on without being given back, so none is lost or taken twice.
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
