/** The versions of the file format and of ONNX's operators that this package reads and writes. */
import { SlmError } from "@slm/core";

/**
 * File format versions of a graph. Before 4 every initializer was an input as well; see {@link readableIrVersion} for
 * such files. 14 is the newest that ONNX 1.23 defines: it adds two 6-bit types, which are rejected. onnxruntime 1.30 loads 13
 * and older, 1.32 also 14.
 */
export const IR_VERSIONS = { min: 4, max: 14 } as const;

/** The oldest supported file format: the first that records the operator sets of a file. */
const OLDEST_IR_VERSION = 3;

/**
 * Operator sets of domain `""`. A graph is read and written without knowledge of its operators, so any released set is
 * accepted; 28 is the newest of ONNX 1.23. Runtimes support fewer: onnxruntime guarantees 7 and later; 1.30 knows
 * sets up to 26, 1.32 up to 28.
 */
const OPSETS = { min: 1, max: 28 } as const;

/** Domains other than ONNX's own that a builder may use without declaring them, with the version written. */
export const KNOWN_DOMAINS: Readonly<Record<string, number>> = { "com.microsoft": 1, "ai.onnx.ml": 3 };

function checkRange(what: string, got: number, range: { readonly min: number; readonly max: number }): void {
  if (Number.isInteger(got) && got >= range.min && got <= range.max) return;
  throw new SlmError("DATA_INVALID", `graph: ${what} must be ${range.min} to ${range.max}, got ${got}`, {
    suggestions: [`convert the model to ${what} ${range.min} to ${range.max} with the tool that wrote it`],
  });
}

/**
 * Rejects unsupported versions.
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

/**
 * The version of a graph that is read from a file of version `irVersion`. A file of version 3 must list its initializers among the
 * inputs too, but runtimes treat them as constants. Its graph gets version 4, which does not need the listing.
 *
 * @throws SlmError DATA_INVALID for a version that is not read
 */
export function readableIrVersion(irVersion: number): number {
  checkRange("ONNX IR version", irVersion, { min: OLDEST_IR_VERSION, max: IR_VERSIONS.max });
  return Math.max(irVersion, IR_VERSIONS.min);
}
