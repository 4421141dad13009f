/** Reads JSON from shared storage. */
import { SlmError } from "@slm/core";
import type { z } from "zod";

/** @param what the start of the error message: "quantize: expected calibration rows" @throws SlmError DATA_INVALID */
export function readSent<Value>(schema: z.ZodType<Value>, bytes: Buffer, what: string): Value {
  try {
    return schema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new SlmError("DATA_INVALID", what, { cause });
  }
}
