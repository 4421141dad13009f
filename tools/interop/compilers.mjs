/**
 * Compares `slm analyze` with vendors' compilers: compiles a corpus of ONNX graphs with the vendors' programs, and counts for graphs and
 * nodes whether rules and compiler agree.
 *
 *   npm run build && npm run interop:compilers                  all compilers and graphs: prints tables in Markdown
 *   npm run interop:compilers -- --compiler qnn --group own     only these; both flags can be repeated
 *   npm run interop:compilers -- --group random --seed 7 --count 500   random graphs; default: 2,000 with another seed each time
 *   npm run interop:compilers -- --compiler openvino --platform 3720   another of Intel's NPUs; default: 4000
 *   npm run interop:compilers -- --list                         lists nodes and graphs with differences
 *   npm run interop:compilers -- --json OUT.json                writes the verdicts on every node
 *   npm run interop:compilers -- --record                       records the answers for probes for `npm test`
 *
 * Groups: backend (ONNX's backend tests), published (files from PyPI and npm packages), own (slm's exports), quickstart (exports of the
 * quick start's shape for Intel's NPU), probes (single operators with different types, ranks, shapes and QDQ forms), random (random
 * operators and chains of them). Needs Python 3.11 with venv, Debian's `chromium` for WebGPU, and
 * `wine64`, `wine` and `gcc-mingw-w64-x86-64` for OpenVINO. Downloads and answers are cached in
 * ${SLM_CACHE:-~/.cache/slm}/interop/compilers, so a second run compiles only new graphs. To change the version of a vendor's program, edit
 * tools/interop/compilers/requirements.txt. Exit code 3 if a compiler refuses a graph or node that the rules call supported.
 */
import { randomInt } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { corpusOf, GROUP_NAMES } from "./compilers/corpus.mjs";
import { COMPILERS, describeCompiler, isAsked, judge, NPU_PLATFORM } from "./compilers/judge.mjs";
import { record } from "./compilers/recorded.mjs";
import { differences, markdown } from "./compilers/report.mjs";
import { compare, tally, wasRead } from "./compilers/verdicts.mjs";

const { values: flags } = parseArgs({
  options: {
    compiler: { type: "string", multiple: true, default: Object.keys(COMPILERS) },
    group: { type: "string", multiple: true, default: GROUP_NAMES },
    seed: { type: "string" },
    count: { type: "string", default: "2000" },
    platform: { type: "string", default: NPU_PLATFORM },
    list: { type: "boolean", default: false },
    json: { type: "string" },
    record: { type: "boolean", default: false },
  },
});

const random = { seed: Number(flags.seed ?? randomInt(2 ** 32)), count: Number(flags.count) };
if (flags.group.includes("random"))
  process.stderr.write(`random graphs: --seed ${random.seed} --count ${random.count}\n`);
const corpus = await corpusOf(flags.group, random);
const results = [];
for (const name of flags.compiler) {
  const asked = corpus.filter((row) => isAsked(name, row));
  const answers = await judge(name, asked, flags);
  const target = COMPILERS[name]?.target ?? "npu";
  const profile = /** @type {import("@slm/devices").ProfileName} */ (name);
  const compared = asked.flatMap((row) => {
    const answer = answers.get(row.hash);
    return answer === undefined || !wasRead(answer) ? [] : [compare(row, answer, { target, profile })];
  });
  const versions = await describeCompiler(name, flags);
  results.push({ compiler: name, versions, tables: tablesOf(compared), compared });
  if (flags.record) await recordProbes(name, versions, answers);
}

for (const result of results) {
  process.stdout.write(markdown(result));
  if (flags.list) process.stdout.write(differences(result.compared));
}
if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(results)}\n`);
// In chains of random operators, the placement of a node also depends on the nodes around it: only whole graphs count.
const wrong = results.some(({ tables }) =>
  flags.group.some((group) => {
    const counts = tables[group];
    return (
      counts !== undefined &&
      counts.graphs.falseSupported + (group === "random" ? 0 : counts.nodes.falseSupported) > 0
    );
  }),
);
if (wrong) process.exitCode = 3;

/** @returns {Record<string, ReturnType<typeof tally>>} */
function tablesOf(/** @type {readonly import("./compilers/verdicts.mjs").Compared[]} */ compared) {
  const groups = flags.group.map((group) => ({
    group,
    list: compared.filter(({ name }) => name.startsWith(`${group}/`)),
  }));
  const all = { group: "all", list: compared };
  return Object.fromEntries([...groups, all].map(({ group, list }) => [group, tally(list)]));
}

async function recordProbes(
  /** @type {string} */ name,
  /** @type {string} */ versions,
  /** @type {ReadonlyMap<string, import("./compilers/verdicts.mjs").CompilerAnswer>} */ answers,
) {
  const rows = new Map(corpus.filter(({ group }) => group === "probes").map((row) => [row.name, row]));
  if (rows.size === 0) throw new Error("--record needs --group probes");
  await record(name, versions, [...rows.keys()], (probe) => {
    const row = rows.get(probe);
    return row !== undefined && isAsked(name, row) ? answers.get(row.hash) : undefined;
  });
}
