/** The versions of the file format and of ONNX's operators that this package reads and writes. */
import { SlmError } from "@slm/error";

/**
 * File format versions. Before 4 every initializer was an input as well, so nothing was certainly constant;
 * 13 is the newest that ONNX 1.20 defines and onnxruntime 1.30 loads.
 */
export const IR_VERSIONS = { min: 4, max: 13 } as const;

/** Operator sets of domain `""`. onnxruntime promises 7 and later; 26 is the newest that 1.30 runs. */
export const OPSETS = { min: 7, max: 26 } as const;

/** Domains other than ONNX's own that a builder may use without declaring them, with the version written. */
export const KNOWN_DOMAINS: Readonly<Record<string, number>> = { "com.microsoft": 1, "ai.onnx.ml": 3 };

function checkRange(what: string, got: number, range: { readonly min: number; readonly max: number }): void {
  if (Number.isInteger(got) && got >= range.min && got <= range.max) return;
  throw new SlmError("DATA_INVALID", `graph: ${what} must be ${range.min} to ${range.max}, got ${got}`, {
    suggestions: [`convert the model to ${what} ${range.min} to ${range.max} with the tool that wrote it`],
  });
}

/**
 * Refuses versions nothing here was written for.
 *
 * @throws SlmError DATA_INVALID naming the version, what is known and what was found.
 */
export function checkVersions(irVersion: number, opsets: Readonly<Record<string, number>>): void {
  checkRange("ONNX IR version", irVersion, IR_VERSIONS);
  for (const [domain, version] of Object.entries(opsets)) {
    if (domain === "") checkRange("ONNX opset", version, OPSETS);
    else if (!Number.isInteger(version) || version < 1) {
      throw new SlmError(
        "DATA_INVALID",
        `graph: opset of domain '${domain}' must be 1 or more, got ${version}`,
      );
    }
  }
}
