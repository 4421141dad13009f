/** Metadata and hashes of a wheel with a plug-in. */
import { Readable } from "node:stream";
import {
  parseRecord,
  readPackageFacts,
} from "../../../../packages/runtime-native/src/plugins/package-facts.ts";
import { isLicence } from "../../../../packages/runtime-native/src/plugins/licences.ts";

export const longest = 2 ** 14;
const DIGEST = Buffer.alloc(32).toString("base64url");
const FOLDER = "x-1.dist-info";
/** Metadata and hashes in one input, separated by the first double empty line. */
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
