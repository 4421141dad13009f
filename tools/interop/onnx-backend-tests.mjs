/**
 * ONNX's own backend tests (PyPI's `onnx`): every model read, written back and rewritten, run by ONNX Runtime before and after on
 * the test's own data, and its inferred shapes held against onnx's and against the data.
 *
 *   npm run build && node tools/interop/onnx-backend-tests.mjs [--json] [--list]
 *
 * Makes a virtual environment and the tests (70 MB) in ${SLM_CACHE:-~/.cache/slm}/onnx-backend-tests; about 2 minutes. `--list`
 * names every model that is rejected, was not run, or whose shapes are not known. Prints the table; exit 3 if a shape
 * contradicts onnx's or the data's, if a model that onnx takes is called misfit, if a model comes back changed, or if it
 * computes something else.
 */
import {
  decodeModel,
  decodeOutline,
  encodeModel,
  liftConstants,
  ONNX_DTYPES,
  optimizeGraph,
} from "@slm/onnx";
import { inferShapes } from "@slm/analysis";
import { SlmError } from "@slm/core";
import { execa } from "execa";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

const PACKAGES = ["onnx==1.23.2", "onnxruntime==1.32.0"];
const HELPER = join(import.meta.dirname, "onnx_backend_tests.py");
const CACHE = join(process.env.SLM_CACHE ?? join(homedir(), ".cache/slm"), "onnx-backend-tests");
const [TESTS, AFTER, REWRITTEN] = ["tests", "written-back", "rewritten"].map((name) => join(CACHE, name));
const [isJson, isListed] = ["--json", "--list"].map((flag) => process.argv.includes(flag));

/** Features that a graph of this project cannot represent, by what a rejection says. */
const FEATURES = [
  ["sequences", /got a sequence$/],
  ["optionals", /got an optional$/],
  ["text constants", /stringData|string tensors/],
];

const python = await pythonOf();
await ensureTests();

const rows = (await readFile(join(TESTS, "shapes.jsonl"), "utf8"))
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

const shapes = { equal: 0, onlySlm: 0, onlyTheirs: 0, contradictions: [], misfits: [], unknown: [] };
const [rejected, read] = [new Map(), []];
for (const folder of [AFTER, REWRITTEN]) await rm(folder, { recursive: true, force: true });
for (const row of rows) {
  const bytes = new Uint8Array(await readFile(join(TESTS, row.name, "model.onnx")));
  compareShapes(row, decodeOutline(bytes));
  try {
    const graph = decodeModel(bytes);
    await write(join(AFTER, row.name), encodeModel(graph));
    await write(join(REWRITTEN, row.name), encodeModel(optimizeGraph(liftConstants(graph))));
    read.push(row.name);
  } catch (error) {
    if (!(error instanceof SlmError)) throw error;
    const feature = FEATURES.find(([, pattern]) => pattern.test(error.message))?.[0] ?? error.message;
    rejected.set(feature, [...(rejected.get(feature) ?? []), row.name]);
  }
}

const [{ versions, compared }, { compared: rewritten }] = [await compare(AFTER), await compare(REWRITTEN)];

report();

async function write(folder, bytes) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "model.onnx"), bytes);
}

/** Models of a folder held against the tests' own. */
async function compare(folder) {
  const options = { maxBuffer: 2 ** 28, stderr: "ignore" };
  const { stdout } = await execa(python, [HELPER, "compare", TESTS, folder], options);
  const [versions, ...compared] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  if (compared.length !== read.length)
    throw new Error(`${read.length} models written, ${compared.length} compared`);
  return { versions, compared };
}

/** The interpreter of the virtual environment, made if it is not there. */
async function pythonOf() {
  const environment = join(CACHE, "venv");
  const path = join(environment, "bin/python");
  const wanted = PACKAGES.join(" ");
  const stamp = join(environment, "packages.txt");
  if ((await readFile(stamp, "utf8").catch(() => "")) === wanted) return path;
  await rm(environment, { recursive: true, force: true });
  await mkdir(CACHE, { recursive: true });
  await execa("python3", ["-m", "venv", environment]);
  await execa(path, ["-m", "pip", "install", "--quiet", ...PACKAGES], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await writeFile(stamp, wanted);
  return path;
}

/** Writes the tests unless those of the same helper and packages are there. */
async function ensureTests() {
  const stamp = join(CACHE, "tests.txt");
  const wanted = `${PACKAGES[0]} ${(await stat(HELPER)).mtimeMs}`;
  if ((await readFile(stamp, "utf8").catch(() => "")) === wanted) return;
  await execa(python, [HELPER, "write", TESTS], { stdio: ["ignore", "inherit", "inherit"] });
  await writeFile(stamp, wanted);
}

/** Facts of a value by its path: `3/body/x` is `x` in attribute `body` of node 3. */
function factsAt(outline, facts, path) {
  const step = /^(\d+)\/(\w+)\/(.*)$/s.exec(path);
  const body = step && outline.nodes[Number(step[1])]?.attributes[step[2]];
  if (body?.kind !== "graph") return facts.of(path);
  const inside = facts.bodyFacts(body.value);
  return inside === undefined ? {} : factsAt(body.value, inside, step[3]);
}

/** Shapes told from the operators alone, held against those that onnx infers and those that the data have. */
function compareShapes({ name, onnx, data }, outline) {
  const outputs = outline.outputs.map(({ name: output, dtype }) => ({ name: output, dtype }));
  const { facts, problems } = inferShapes({ ...outline, values: new Map(), outputs });
  for (const { message } of problems) shapes.misfits.push(`${name}: ${message}`);
  for (const [source, values] of Object.entries({ onnx: onnx.values ?? {}, data })) {
    for (const [value, [code, sizes]] of Object.entries(values))
      compareValue(`${name} '${value}'`, factsAt(outline, facts, value), { source, code, sizes });
  }
}

function compareValue(where, mine, { source, code, sizes }) {
  const clash = (got, expected) =>
    shapes.contradictions.push(`${where}: [${got}], by ${source} it is [${expected}]`);
  if (mine.dtype !== undefined && ONNX_DTYPES[mine.dtype].code !== code) clash(mine.dtype, `type ${code}`);
  if (sizes === null) return;
  if (mine.shape === undefined) {
    shapes.onlyTheirs += sizes.length;
    if (source === "onnx") shapes.unknown.push(where);
    return;
  }
  if (mine.shape.length !== sizes.length) return clash(mine.shape, sizes);
  sizes.forEach((size, axis) => {
    const [isMine, isTheirs] = [mine.shape[axis], size].map((one) => typeof one === "number");
    if (isMine && isTheirs && mine.shape[axis] !== size) clash(mine.shape, sizes);
    else if (isMine && isTheirs) shapes.equal += 1;
    else if (isMine) shapes.onlySlm += 1;
    else if (isTheirs) shapes.onlyTheirs += 1;
  });
}

function report() {
  const changed = compared.filter(({ same }) => !same).map(({ name }) => name);
  const isRun = ({ run }) => run === "same" || run === "different";
  const isWrong = ({ run }) => run !== "same" && run !== "not by the original";
  const different = [...compared.filter(isWrong), ...rewritten.filter(isWrong)];
  const notRun = compared.filter(({ run }) => run === "not by the original");
  const result = {
    versions,
    models: rows.length,
    read: read.length,
    rejected: Object.fromEntries([...rejected].map(([feature, names]) => [feature, names.length])),
    writtenBackTheSame: compared.length - changed.length,
    changed,
    run: compared.filter(isRun).length,
    sameOutputs: compared.filter(({ run }) => run === "same").length,
    sameOutputsRewritten: rewritten.filter(({ run }) => run === "same").length,
    different: different.map(({ name, run }) => `${name}: ${run}`),
    notRunByTheOriginal: notRun.length,
    sizes: { equal: shapes.equal, onlySlm: shapes.onlySlm, onlyTheirs: shapes.onlyTheirs },
    contradictions: shapes.contradictions,
    misfits: shapes.misfits,
  };
  const failures = [...changed, ...result.different, ...shapes.contradictions, ...shapes.misfits];
  if (isJson) console.log(JSON.stringify(result, null, 2));
  else {
    const line = (text, count) => console.log(`${text.padEnd(58)} ${String(count).padStart(6)}`);
    console.log(`onnx ${versions.onnx}, onnxruntime ${versions.onnxruntime}`);
    line("models", result.models);
    line("read", result.read);
    for (const [feature, count] of Object.entries(result.rejected)) line(`  rejected: ${feature}`, count);
    line("written back with the same nodes, numbers and types", result.writtenBackTheSame);
    line("run before and after by onnxruntime", result.run);
    line("  the same outputs, bit for bit", result.sameOutputs);
    line("  the same after optimizeGraph too", result.sameOutputsRewritten);
    line("not run: onnxruntime rejects the original", result.notRunByTheOriginal);
    line("sizes that slm and onnx (or the data) both know, equal", shapes.equal);
    line("  known to slm alone", shapes.onlySlm);
    line("  known to onnx or the data alone", shapes.onlyTheirs);
    line("contradictions, of sizes or types", shapes.contradictions.length);
    line("models of ONNX called misfits", shapes.misfits.length);
    for (const failure of failures) console.log(`  ${failure}`);
  }
  if (isListed) {
    for (const [feature, names] of rejected)
      for (const name of names) console.log(`rejected (${feature}): ${name}`);
    for (const { name, why } of notRun) console.log(`not run: ${name}: ${why}`);
    for (const where of shapes.unknown) console.log(`shape not known: ${where}`);
  }
  if (failures.length > 0) process.exitCode = 3;
}
