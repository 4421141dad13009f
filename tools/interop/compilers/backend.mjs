/** The models of ONNX's backend tests: single operators, and their expansions into other operators. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeModel } from "@slm/onnx";
import { execa } from "execa";
import { folderOf, pythonOf, REQUIREMENTS } from "./cache.mjs";
import { readable } from "./readable.mjs";

const HELPER = join(import.meta.dirname, "backend_tests.py");

/** @returns {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>} */
export async function* backendTests() {
  const version = /^onnx==.*$/mu.exec(await readFile(REQUIREMENTS, "utf8"))?.[0] ?? "";
  const folder = await folderOf("backend", version, async (target) => {
    await execa(pythonOf(), [HELPER, target], { stdio: ["ignore", 2, "inherit"] });
  });
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".onnx")).sort()) {
    const bytes = await readFile(join(folder, file));
    const graph = await readable(() => decodeModel(new Uint8Array(bytes)));
    if (graph !== undefined) yield [file.replace(/\.onnx$/u, ""), graph];
  }
}
