/**
 * Plug-ins of the installed package: ONNX Runtime's C interface in a process of its own. Qualcomm's compiler is tried where its package
 * lies in the cache of this machine; it is not downloaded, since its licence asks for consent (`npm run e2e:npu`).
 */
import { mkdir, open, readdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Exit code of DEVICE_UNAVAILABLE (`docs/reference/commands.md`). */
const DEVICE_UNAVAILABLE = 69;
const CHIP = "sm8650";

/**
 * A folder with a library that cannot be loaded: the first bytes of one that this machine has, so that `slm device add` takes it for a
 * library of this platform.
 */
export async function makeBrokenPlugin(folder, library) {
  await mkdir(folder);
  const file = await open(library);
  const { buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  await file.close();
  await writeFile(join(folder, "broken.so"), buffer);
}

/**
 * A library that cannot be loaded is named by `slm doctor`, and ends a command with DEVICE_UNAVAILABLE. The message is ONNX Runtime's:
 * so koffi, the child's program and the library of onnxruntime-node were found in the installed package.
 *
 * @param model an export for `npu:qnn`
 */
export function tryBrokenPlugin({ slm, slmJson, slmError }, { folder, model, prompt, expect }) {
  const about = ["--as", "broken", "--library", "broken.so", "--register", "BrokenExecutionProvider"];
  slm("device", "add", folder, ...about, "--version", "1", "--serves", "npu:qnn", "--yes");
  const listed = slmJson("device", "list").plugins;
  expect(listed.length === 1 && listed[0].state === "ok", `device list: ${JSON.stringify(listed)}`);
  const { providers, plugins } = slmJson("doctor");
  const [found] = plugins.installed;
  expect(!found.available && found.reason.includes("cannot load the plug-in"), `doctor: ${found.reason}`);
  const row = providers.find(({ device }) => device === "npu:qnn");
  expect(!row.available && row.reason.startsWith("plug-in broken 1: "), `doctor: ${row.reason}`);
  const { exit, error } = slmError("generate", model, "--prompt", prompt, "--device", "npu:qnn");
  const isRight = exit === DEVICE_UNAVAILABLE && error.code === "DEVICE_UNAVAILABLE";
  expect(isRight && error.message.includes("cannot load the plug-in"), `${exit} ${JSON.stringify(error)}`);
  slm("device", "remove", "broken");
  expect(slmJson("device", "list").plugins.length === 0, "device remove left a plug-in");
  return error.message.split("\n")[0];
}

/** Qualcomm's wheel in the cache of this machine; undefined where there is none, or no simulator for this platform. */
export async function findQualcommWheel() {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  const folder = join(process.env.SLM_CACHE ?? join(homedir(), ".cache", "slm"), "packages");
  const names = await readdir(folder).catch(() => []);
  const name = names.find((entry) => /^onnxruntime_qnn-.*_x86_64\.whl$/.test(entry));
  return name === undefined ? undefined : join(folder, name);
}

/** Adds Qualcomm's plug-in, compiles a model ahead of time and lets the simulator answer with what was compiled. */
export function tryCompiler({ slm, slmJson }, { wheel, model, prompt, expect }) {
  slm("device", "add", wheel, "--yes");
  const row = slmJson("doctor").providers.find(({ device }) => device === "npu:qnn");
  expect(row.available && row.reason.startsWith("plug-in qnn "), `doctor: ${JSON.stringify(row)}`);
  const { chips, plugin, artifact } = slmJson("compile", model, "--soc", CHIP, "-o", "compiled");
  expect(chips.length === 1 && chips[0].soc === CHIP, `compiled for ${JSON.stringify(chips)}`);
  slm("verify", artifact);
  const { text, device } = slmJson("generate", artifact, "--prompt", prompt, "--no-fallback");
  expect(device.simulated && device.description.includes(CHIP), `computed on ${JSON.stringify(device)}`);
  return `plug-in ${plugin}, ${chips[0].graphs.length} graphs for ${CHIP}; simulated answer: ${text}`;
}
