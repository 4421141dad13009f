/** The rules of `slm analyze` against what compilers made of single operators, as recorded by `npm run interop:compilers -- --record`. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { analyzeModel } from "@slm/devices";
import { expect, test } from "vitest";
import { COMPILERS } from "./judge.mjs";
import { probes } from "./probes.mjs";
import { recordedAnswers } from "./recorded.mjs";
import { isSupported } from "./verdicts.mjs";

/** Most graphs that the rules may refuse although they compiled. */
const MAX_REFUSED = 0.02;

const graphs = new Map();
for await (const [name, graph] of probes()) graphs.set(name, graph);

const recorded = (await readdir(join(import.meta.dirname, "recorded"))).map((file) =>
  file.replace(".json", ""),
);

test.each(recorded)(
  "nothing is called supported that %s refused, and little refused that it compiled",
  async (compiler) => {
    const { answers } = await recordedAnswers(compiler, [...graphs.keys()]);
    const { target } = COMPILERS[compiler];
    const [falseSupported, falseRefused] = [[], []];
    for (const [name, isCompiled] of answers) {
      const says = isSupported(analyzeModel(graphs.get(name), { target, profile: compiler }));
      if (says && !isCompiled) falseSupported.push(name);
      if (!says && isCompiled) falseRefused.push(name);
    }
    expect(falseSupported).toEqual([]);
    expect(falseRefused.length / answers.size).toBeLessThan(MAX_REFUSED);
  },
);
