/** workerd: it has no disk, does not compile WebAssembly from bytes, and imports every file as a module. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { setting } from "../command-line.js";
import { modelFiles, PACKAGE, type AnswersIn } from "./installed-package.js";

const workerOf = (files: readonly string[]): string => `import { openModel } from "${PACKAGE}/open";
import kernels from "${PACKAGE}/kernels.wasm";
${files.map((file, at) => `import file${at} from "${PACKAGE}/model/${file}";`).join("\n")}

const files = { ${files.map((file, at) => `"${file}": file${at}`).join(", ")} };
let model;

export default {
  async fetch(request) {
    model ??= openModel({ kernels, read: (path) => files[path] });
    const { text } = await (await model).generate(await request.text());
    return new Response(text);
  },
};
`;

const configurationOf = (
  files: readonly string[],
): string => `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [
      (name = "worker.mjs", esModule = embed "worker.mjs"),
      (name = "${PACKAGE}/open", esModule = embed "node_modules/${PACKAGE}/open.js"),
      (name = "${PACKAGE}/kernels.wasm", wasm = embed "node_modules/${PACKAGE}/kernels.wasm"),
      ${files.map((file) => `(name = "${PACKAGE}/model/${file}", data = embed "node_modules/${PACKAGE}/model/${file}"),`).join("\n      ")}
    ],
    compatibilityDate = "2026-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
`;

export const answersInWorkerd: AnswersIn = async (folder, words) => {
  const files = await modelFiles(folder);
  await writeFile(join(folder, "worker.mjs"), workerOf(files));
  await writeFile(join(folder, "workerd.capnp"), configurationOf(files));
  const argv = ["serve", "workerd.capnp", "--control-fd=1"];
  const server = execa(setting("SLM_TEST_WORKERD"), argv, { cwd: folder, reject: false });
  try {
    const port = await Promise.race([
      portOf(server.stdout),
      server.then(({ stderr }) => Promise.reject(new Error(`workerd ended: ${stderr}`))),
    ]);
    const answers: string[] = [];
    for (const body of words) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
      answers.push(await response.text());
    }
    return answers;
  } finally {
    server.kill();
    await server;
  }
};

/** Reads the port from the line that workerd prints when it listens. */
async function portOf(output: Readable): Promise<number> {
  const [line] = (await once(createInterface(output), "line")) as [string];
  return (JSON.parse(line) as { readonly port: number }).port;
}
