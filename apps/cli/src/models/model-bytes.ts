/** Sizes of models. */
import type { DeviceModel } from "@slm/artifact";

/** All graphs with their weights [bytes]. */
export function modelBytes({ graphs: { encoder, decoder } }: DeviceModel): number {
  return (encoder?.bytes ?? 0) + decoder.bytes;
}
