/** Splits by a hash of a text, which stay the same when texts are added. */
import { sha256 } from "@slm/core";

/** Whether a text belongs to the one in `share` that its hash chooses. */
export const chosenByHash = (text: string, share: number): boolean =>
  Number.parseInt(sha256(text).slice(0, 8), 16) % share === 0;
