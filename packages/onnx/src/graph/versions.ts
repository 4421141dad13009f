/** The IR and opset versions that this package reads and writes. */
import { SlmError } from "@slm/core";

/**
 * IR versions of a graph. Before version 4 every initializer was also an input; see {@link readableIrVersion}. 14 is the newest version in
 * ONNX 1.23. It adds two 6-bit types, which are rejected. onnxruntime 1.30 loads versions up to 13, 1.32 up to 14.
 */
export const IR_VERSIONS = { min: 4, max: 14 } as const;

/** The oldest supported IR version: the first that records opsets. */
const OLDEST_IR_VERSION = 3;

/**
 * Opsets of domain `""`. Reading and writing does not depend on operators, so every released opset is accepted; 28 is the newest in ONNX
 * 1.23. Runtimes support fewer: onnxruntime guarantees opset 7 and later; 1.30 supports opsets up to 26, 1.32 up to 28.
 */
const OPSETS = { min: 1, max: 28 } as const;

/** Additional domains that a builder can use without a declaration, with their versions. */
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
 * @throws SlmError DATA_INVALID naming the version and the supported range.
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
 * The IR version of a graph that is read from a file of version `irVersion`. A file of version 3 must list its initializers among the
 * inputs too, but runtimes treat them as constants. The graph gets version 4, which does not need this.
 *
 * @throws SlmError DATA_INVALID for an unsupported version
 */
export function readableIrVersion(irVersion: number): number {
  checkRange("ONNX IR version", irVersion, { min: OLDEST_IR_VERSION, max: IR_VERSIONS.max });
  return Math.max(irVersion, IR_VERSIONS.min);
}
