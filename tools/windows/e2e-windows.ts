/**
 * Tests the published package on Windows' Node.js, with ONNX Runtime's binaries for Windows, under Wine.
 *
 *   npm run e2e:windows
 *   npm run e2e:windows -- --root DIR    keep the installation in DIR, and use the one that is there
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { faults } from "./faults.js";
import { answers, deployment, firstHour } from "./first-hour.js";
import { images } from "./images.js";
import { parity } from "./parity.js";
import { Scene } from "./scene.js";
import { printEnd, skip, step } from "../lib/steps.js";
import { Wine } from "./wine.js";

/** What this test cannot show, whatever the package does. */
const UNTESTED = [
  ["Ctrl-C, colours and progress in a console", "Wine has no console without a display"],
  ["DirectML and WebGPU", "Wine has no Direct3D 12 without a display"],
  ["plug-ins of NPUs", "Wine has no drivers of NPUs"],
  ["permissions (ACLs)", "Wine maps them to those of Linux, which root ignores"],
  ["Windows on Arm", "Wine runs x64 programs here"],
] as const;

const { values } = parseArgs({ options: { root: { type: "string" } } });
const root = values.root === undefined ? await mkdtemp(join(tmpdir(), "slm-windows-")) : resolve(values.root);
await mkdir(root, { recursive: true });
const wine = new Wine(root);
const scene = new Scene(wine, root);
try {
  await step("Node.js for Windows", async () => {
    const { out } = await wine.node(["--version"], { cwd: root });
    return `${out.trim()} under ${wine.version()}`;
  });
  if (!existsSync(scene.modules)) await step("npm install for Windows", () => `${scene.install(root)} MiB`);
  await rm(scene.folder, { recursive: true, force: true });
  await mkdir(scene.folder, { recursive: true });
  await firstHour(scene);
  await answers(scene);
  await deployment(scene);
  await parity(scene);
  await faults(scene);
  await images(scene);
  for (const [name, reason] of UNTESTED) skip(name, reason);
  printEnd();
} finally {
  wine.close();
  if (values.root === undefined) await rm(root, { recursive: true, force: true });
}
