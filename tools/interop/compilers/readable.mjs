/** Leaves out the models that slm rejects. */
import { SlmError } from "@slm/core";

/**
 * The result of `read`, or undefined if slm rejects the model.
 *
 * @template T
 * @param {() => T | Promise<T>} read
 */
export async function readable(read) {
  try {
    return await read();
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}
