/** Faults of Windows: files that another program has open, read-only places, names and paths. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { BUNDLE, RUN, type Stages } from "./first-hour.js";
import type { Failed, Scene } from "./scene.js";
import { expect, skip, step, until } from "../lib/steps.js";
import { windowsPath } from "./wine.js";

const HOLD = join(import.meta.dirname, "hold-file.cjs");
/** How long a file stays open after slm has begun to replace it; slm tries for 10 s [ms]. */
const MOMENT = 1500;
/** `OUTPUT_FAILED`. */
const OUTPUT_FAILED = 74;

/**
 * Runs `body` while another Windows process has a file open that it shares with nobody.
 *
 * @param isReplacing whether slm has begun to replace the file. The file is then closed after a moment; without it, when `body` has ended.
 */
async function whileHeld<Result>(
  scene: Scene,
  file: string,
  body: () => Promise<Result>,
  isReplacing?: () => boolean,
): Promise<Result> {
  // In the project, where it finds koffi.
  const program = join(scene.modules, "hold-file.cjs");
  copyFileSync(HOLD, program);
  const ready = join(scene.folder, "held");
  const argv = [program, file, ready].map(windowsPath);
  const holder = scene.wine.startNode(argv, { cwd: scene.folder });
  try {
    await until("the file to be held", () => existsSync(ready) || holder.process.exitCode !== null);
    expect(existsSync(ready), holder.said().err);
    const result = body();
    if (isReplacing !== undefined) {
      await Promise.race([result, until("slm to replace the file", isReplacing)]);
      expect(isReplacing(), "slm replaced a file that another program has open");
      await setTimeout(MOMENT);
      holder.process.kill("SIGKILL");
    }
    return await result;
  } finally {
    holder.process.kill("SIGKILL");
    await holder.ended;
    rmSync(ready, { force: true });
  }
}

function expectFailure({ exit, message }: Failed, expected: number, text: string): string {
  expect(exit === expected && message.includes(text), `exit ${exit}, expected ${expected}: ${message}`);
  return message;
}

export async function faults(scene: Scene): Promise<void> {
  await openFiles(scene);
  await places(scene);
  await paths(scene);
}

async function openFiles(scene: Scene): Promise<void> {
  const file = join(scene.folder, "answers.jsonl");
  const answer = [
    "generate",
    BUNDLE,
    "--input",
    "rows.csv",
    "--set",
    "data.fields={source: text, target: label}",
  ];
  const toFile = [...answer, "-o", "answers.jsonl"];
  await step("a result that another program has open for a moment", async () => {
    writeFileSync(file, "earlier\n");
    const rows = readFileSync(join(scene.folder, "rows.csv"), "utf8").trimEnd().split("\n").length - 1;
    const partial = `${file}.partial.json`;
    const hasAll = () => existsSync(partial) && readFileSync(partial, "utf8").includes(`"records": ${rows},`);
    await whileHeld(scene, file, () => scene.slm(toFile), hasAll);
    expect(!readFileSync(file, "utf8").startsWith("earlier"), "the file was not replaced");
  });
  await step("a result that another program keeps open", async () => {
    writeFileSync(file, "earlier\n");
    const failed = await whileHeld(scene, file, () => scene.failure(toFile));
    expect(readFileSync(file, "utf8") === "earlier\n", "the file was changed");
    return expectFailure(failed, OUTPUT_FAILED, "answers.jsonl");
  });
  const deploy = ["deploy", BUNDLE, "--to", "dir", "-o", "to dir"];
  await step("a directory to replace, with a file that another program has open for a moment", async () => {
    // Windows leaves "to dir" in its place while a file in it is open, and Wine moves it.
    const isReplacing = () =>
      ["to dir.partial/manifest.json", "to dir.previous"].some((path) =>
        existsSync(join(scene.folder, path)),
      );
    const held = join(scene.folder, "to dir", "encoder.onnx");
    await whileHeld(scene, held, () => scene.slm(deploy), isReplacing);
    expect(!existsSync(join(scene.folder, "to dir.previous")), "to dir.previous was not removed");
  });
  await step("a directory to replace, with a file that another program keeps open", async () => {
    // Windows does not rename such a directory. Wine does, and then cannot remove it: the next command does.
    const held = join(scene.folder, "to dir", "encoder.onnx");
    const { exit, out, err } = await whileHeld(scene, held, () => scene.start(deploy).ended);
    expect(exit === 0 || exit === OUTPUT_FAILED, `exit ${exit}: ${out}${err}`);
    await scene.slm(deploy);
    expect(!existsSync(join(scene.folder, "to dir.previous")), "to dir.previous was not removed");
  });
  skip("files with the read-only attribute", "Wine replaces them, Windows does not");
}

async function places(scene: Scene): Promise<void> {
  await step("a read-only directory", async () => {
    const failed = await scene.failure(["deploy", BUNDLE, "--to", "dir", "-o", String.raw`Z:\sys\slm`]);
    return expectFailure(failed, OUTPUT_FAILED, "cannot write");
  });
  await step("a recipe with the name of a device", async () => {
    const failed = await scene.failure(["init", "--data", "rows.csv", "--name", "aux", "--yes"]);
    expect(failed.exit === 2 || failed.exit === 78, `exit ${failed.exit}: ${failed.message}`);
    return failed.message;
  });
  await step("files of the user are in %LOCALAPPDATA%", async () => {
    const { plugins } = (await scene.slm(["doctor"])) as { plugins: { folder: string } };
    expect(plugins.folder.endsWith(String.raw`AppData\Local\slm\plugins`), plugins.folder);
    return plugins.folder;
  });
}

async function paths(scene: Scene): Promise<void> {
  await step("a drive letter and a variable in another case", async () => {
    const recipe = windowsPath(join(scene.folder, "mine.yaml")).replace(/^Z:/, "z:");
    const { stages } = (await scene.slm([...RUN.with(1, recipe)])) as unknown as Stages;
    const ran = stages.filter(({ status }) => status === "ran").map(({ name }) => name);
    expect(ran.length === 0, `ran again: ${ran.join(", ")}`);
    const { exit, err } = await scene.start([...RUN, "--dry-run"], { slm_Nosuch__Setting: "1" }).ended;
    expect(exit !== 0 && err.includes("nosuch"), `slm_Nosuch__Setting was ignored: exit ${exit}: ${err}`);
  });
  const deep = Array.from({ length: 5 }, () => "a-folder-with-a-name-of-about-fifty-characters-xxxx").join(
    "\\",
  );
  await step("a path of more than 260 characters", async () => {
    await scene.slm(["deploy", BUNDLE, "--to", "dir", "-o", deep]);
    await scene.slm(["generate", deep, "--prompt", "x", "--engine", "wasm"]);
    const argv = ["generate", deep, "--prompt", "x", "--engine", "onnxruntime", "--json"];
    const { exit, out, err } = await scene.start(argv).ended;
    expect(exit === 0 || out.includes("at most 259 characters"), `exit ${exit}: ${out}${err}`);
    return exit === 0 ? "works" : "ONNX Runtime cannot load it, and the error says so; WebAssembly can";
  });
}
