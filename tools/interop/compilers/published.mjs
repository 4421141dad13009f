/** The ONNX files of published-files.json, from packages of PyPI and npm, with the sizes in this file. */
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { withFixedSizes } from "@slm/analysis";
import { readOnnx } from "@slm/onnx";
import { CACHE } from "./cache.mjs";
import { readable } from "./readable.mjs";
import { fetchFile } from "../fetch-file.mjs";

const TABLE = new URL("../published-files.json", import.meta.url);

/** @returns {AsyncGenerator<[name: string, graph: import("@slm/onnx").Graph]>} */
export async function* publishedFiles() {
  const cache = dirname(CACHE);
  /** @type {{ packages: import("../fetch-file.mjs").Packages, files: import("../fetch-file.mjs").PublishedFile[] }} */
  const { packages, files } = JSON.parse(await readFile(TABLE, "utf8"));
  for (const file of files.filter(({ kind }) => kind === "onnx")) {
    const path = await fetchFile(cache, packages, file);
    const graph = await readable(async () => fixed(await readOnnx(path), file.feeds ?? {}));
    if (graph !== undefined)
      yield [`${file.package}: ${join(basename(dirname(path)), basename(path))}`, graph];
  }
}

function fixed(
  /** @type {import("@slm/onnx").Graph} */ graph,
  /** @type {Readonly<Record<string, { shape?: number[] }>>} */ feeds,
) {
  const sizes = Object.entries(feeds).flatMap(([name, { shape }]) =>
    shape === undefined ? [] : [{ name, sizes: shape }],
  );
  return withFixedSizes(graph, sizes);
}
