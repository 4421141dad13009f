/**
 * Compares the rules of `slm analyze` with compilers' results for single operators, recorded by `npm run interop:compilers -- --record`.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { analyzeModel } from "@slm/analysis";
import type { ProfileName, Target } from "@slm/devices";
import type { Graph } from "@slm/onnx";
import { expect, test } from "vitest";

const HARNESS = join(import.meta.dirname, "../tools/interop/compilers");

/** The types of the harness functions that this test uses. The harness itself has none. */
interface Harness {
  readonly probes: () => AsyncIterable<readonly [string, Graph]>;
  readonly recordedAnswers: (
    compiler: string,
    names: readonly string[],
  ) => Promise<{ readonly answers: ReadonlyMap<string, boolean> }>;
  readonly isSupported: (analysis: ReturnType<typeof analyzeModel>) => boolean;
  readonly COMPILERS: Readonly<Partial<Record<string, { readonly target: Target }>>>;
}

async function harness(): Promise<Harness> {
  const files = ["probes", "recorded", "verdicts", "judge"].map((name) => join(HARNESS, `${name}.mjs`));
  const modules = await Promise.all(files.map((file) => import(file) as Promise<object>));
  return Object.assign({}, ...modules) as Harness;
}

/** Largest fraction of compilable graphs that the rules can reject. */
const MOST_REFUSED = 0.02;

const recorded = (await readdir(join(HARNESS, "recorded"))).map((file) => file.replace(".json", ""));

test.each(recorded)(
  "nothing is called supported that the compiler of %s refused, and little is refused that it compiled",
  async (compiler) => {
    const { probes, recordedAnswers, isSupported, COMPILERS } = await harness();
    const graphs = new Map<string, Graph>();
    for await (const [name, graph] of probes()) graphs.set(name, graph);
    const { answers } = await recordedAnswers(compiler, [...graphs.keys()]);
    const target = COMPILERS[compiler]?.target;
    if (target === undefined) throw new Error(`no compiler '${compiler}'`);
    const falseSupported: string[] = [];
    const falseRefused: string[] = [];
    for (const [name, isCompiled] of answers) {
      const says = isSupported(analyzeModel(graphs.get(name)!, { target, profile: compiler as ProfileName }));
      if (says && !isCompiled) falseSupported.push(name);
      if (!says && isCompiled) falseRefused.push(name);
    }
    expect(falseSupported).toEqual([]);
    expect(falseRefused.length / answers.size).toBeLessThan(MOST_REFUSED);
    expect(answers.size).toBeGreaterThan(1000);
  },
);
