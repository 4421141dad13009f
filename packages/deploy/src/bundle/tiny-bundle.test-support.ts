/** A bundle of three small files, for tests that pack, move and corrupt bundles. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeArtifact } from "@slm/core";

export const TINY_FILES: Readonly<Record<string, string>> = {
  "README.md": "# tiny\n",
  "decoder.onnx": "d".repeat(700),
  "onnx/encoder.onnx": "",
};

/** Writes the bundle and returns its directory. */
export async function writeTinyBundle(directory: string): Promise<string> {
  await writeArtifact(
    { directory, kind: "bundle", key: "tiny", inputs: [], settings: {}, origins: {}, seed: 1 },
    async (work) => {
      for (const [path, text] of Object.entries(TINY_FILES)) {
        await mkdir(dirname(join(work, path)), { recursive: true });
        await writeFile(join(work, path), text);
      }
      return {};
    },
  );
  return directory;
}
