/** What a plug-in's package says of itself: metadata and hashes of a wheel. */
import { Readable } from "node:stream";
import { SlmError } from "@slm/core";
import {
  parseRecord,
  readPackageFacts,
} from "../../../../packages/runtime-native/src/plugins/package-facts.ts";
import { isLicence } from "../../../../packages/runtime-native/src/plugins/licences.ts";

export { SlmError };
export const longest = 2 ** 14;
export const words = [
  "Name:",
  "Version:",
  "License:",
  "License-Expression:",
  "sha256=",
  ",",
  '"',
  '""',
  "\r\n\r\n",
];

const DIGEST = Buffer.alloc(32).toString("base64url");
const FOLDER = "x-1.dist-info";
/** Metadata and hashes in one input; its first line that is empty twice is between them. */
const BETWEEN = "\n\n\n";

export const seeds = () => [
  `Name: onnxruntime-qnn\nVersion: 1.0\nLicense: MIT${BETWEEN}a/b.so,sha256=${DIGEST},1\n"a,""b",sha256=${DIGEST},2\n`,
  `name: \t${" ".repeat(64)}x${BETWEEN}${FOLDER}/RECORD,,\n`,
  `License: ${"license_".repeat(20)}${BETWEEN}`,
];

export function open() {
  return async (/** @type {Uint8Array} */ bytes) => {
    const [metadata = "", record = ""] = Buffer.from(bytes).toString("utf8").split(BETWEEN);
    const texts = new Map([
      [`${FOLDER}/METADATA`, metadata],
      [`${FOLDER}/RECORD`, record],
    ]);
    const entries = [...texts].map(([path, text]) => ({
      path,
      bytes: Buffer.byteLength(text),
      executable: false,
    }));
    await readPackageFacts("x.whl", {
      kind: "folder",
      entries,
      read: (path) => Readable.from([Buffer.from(texts.get(path) ?? "")]),
      close: () => undefined,
    });
    for (const path of parseRecord("x.whl", record).keys()) isLicence(path);
  };
}
