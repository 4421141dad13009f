/** ONNX's own backend tests: single operators, with their expansions into other operators. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { decodeModel } from "@slm/onnx";
import { execa } from "execa";
import { folderOf, pythonOf } from "./cache.mjs";
import { readable } from "./corpus.mjs";

const HELPER = join(import.meta.dirname, "../onnx_backend_tests.py");
const VERSION = "onnx 1.23.2";

export async function* backendTests() {
  const folder = await folderOf("onnx-backend-tests", VERSION, async (target) => {
    await execa(await pythonOf(), [HELPER, "write", target], { stdio: ["ignore", 2, "inherit"] });
  });
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith("model.onnx")).sort()) {
    const path = join(folder, file);
    const graph = await readable(async () => decodeModel(new Uint8Array(await readFile(path))));
    if (graph !== undefined) yield [relative(folder, dirname(path)), graph];
  }
}
