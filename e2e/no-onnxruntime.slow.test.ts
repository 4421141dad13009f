/** A model in WebAssembly loads nothing of ONNX Runtime: no module, and no shared library. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const exporter = new TinyModels();

/** Opens a model by its path, answers, and prints what of ONNX Runtime is in the process. */
const PROGRAM = `
  import { createRequire } from "node:module";
  const [library, directory, engine] = process.argv.slice(1);
  const { openModel } = await import(library);
  const model = await openModel(directory, { engine });
  const { tokens } = await model.generate("abc");
  const modules = Object.keys(createRequire(import.meta.url).cache);
  const { sharedObjects } = process.report.getReport();
  const found = [...modules, ...sharedObjects].filter((path) => path.includes("onnxruntime"));
  await model.close();
  console.log(JSON.stringify({ provider: model.device.provider, tokens: tokens.length, found: found.length }));`;

async function run(directory: string, engine: string): Promise<unknown> {
  const library = new URL("../packages/models/dist/open/open-model.js", import.meta.url).href;
  const args = ["--input-type=module", "-e", PROGRAM, library, directory, engine];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

test("only the engine that was requested is loaded", async () => {
  const { directory } = await exporter.exported({ ...encoderDecoder, vocabularySize: 9 }, { target: "cpu" });
  expect(await run(directory, "wasm")).toMatchObject({ provider: "wasm", found: 0 });
  const { found } = (await run(directory, "onnxruntime")) as { readonly found: number };
  expect(found).toBeGreaterThan(0);
});
