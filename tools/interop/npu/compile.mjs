/** Compiles one graph for one SoC, in a process of its own, and keeps what came of it. */
import { modelFiles } from "@slm/onnx";
import { execa } from "execa";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const PROGRAM = join(import.meta.dirname, "compile_graph.py");
/** No graph of ours takes longer; a compiler that hangs is a refusal, too. */
const LIMIT_MS = 3_600_000;
/** What the compiler says of the nodes that it does not take. */
const REFUSED_NODES = /Unsupported nodes in \w+ EP: (.*?)\s*(?:\u001b|$)/mu;

/**
 * `{status: "compiled", seconds, peakBytes, contextBytes, simulated}` or `{status: "refused" | "ended", message}`. Results are kept by the
 * graph's bytes, the SoC, and this program.
 */
export async function compileGraph({ directory, feeds, graph, soc, cache, python }) {
  const model = join(directory, graph);
  const kept = join(cache, "results", `${await keyOf(directory, graph, soc)}.json`);
  const known = await readFile(kept, "utf8").catch(() => undefined);
  if (known !== undefined) return JSON.parse(known);
  // The compiler does not write over a context that is there.
  const contexts = await mkdtemp(join(cache, "context-"));
  const context = join(contexts, graph);
  const sample = join(feeds, graph.replace(/\.onnx$/u, ".npz"));
  const args = [PROGRAM, model, "--soc", soc.model, "--context", context, "--feeds", sample];
  const { stdout, stderr, failed, exitCode, signal } = await execa(python, args, {
    reject: false,
    timeout: LIMIT_MS,
  });
  await rm(contexts, { recursive: true });
  const outcome = failed
    ? { status: "ended", message: signal ?? `exit ${exitCode}: ${stderr.trim().split("\n").at(-1)}` }
    : JSON.parse(stdout.trim().split("\n").at(-1));
  const nodes = REFUSED_NODES.exec(stderr)?.[1];
  const result =
    outcome.status === "refused" && nodes !== undefined ? { ...outcome, message: nodes } : outcome;
  await mkdir(dirname(kept), { recursive: true });
  await writeFile(kept, JSON.stringify(result));
  return result;
}

async function keyOf(directory, graph, soc) {
  const hash = createHash("sha256").update(soc.model);
  for (const file of [
    PROGRAM,
    ...(await modelFiles(join(directory, graph))).map((name) => join(directory, name)),
  ]) {
    for await (const part of createReadStream(file)) hash.update(part);
  }
  return hash.digest("hex").slice(0, 32);
}
