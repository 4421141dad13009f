/**
 * Intel's NPU compiler without an NPU. OpenVINO's Linux wheel does not contain it. The Windows wheel contains it as a library, which runs
 * under Wine. Needs Debian's packages `wine64`, `wine` and `gcc-mingw-w64-x86-64`.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { CACHE, folderOf, hashOf, pythonOf } from "./cache.mjs";

export const OPENVINO_VERSION = "2026.4.1";

const PROGRAM = join(import.meta.dirname, "openvino_npu.c");

const WINDOWS = ["--platform", "win_amd64", "--python-version", "3.11", "--implementation", "cp"];

/** The command that compiles for a platform of Intel's NPU, such as 4000. */
export async function openvinoNpu(/** @type {string} */ platform) {
  const libraries = await folderOf(`openvino-windows-${OPENVINO_VERSION}`, OPENVINO_VERSION, unpack);
  const program = join(libraries, "openvino/libs/openvino_npu.exe");
  await folderOf("openvino-npu-program", `${OPENVINO_VERSION} ${hashOf(await readFile(PROGRAM))}`, () =>
    build(libraries, program),
  );
  return {
    command: "wine",
    args: [program, platform],
    // Without Wine's debugger, a crash ends the process immediately.
    environment: { WINEPREFIX: join(CACHE, "wine"), WINEDEBUG: "-all", WINEDLLOVERRIDES: "winedbg.exe=d" },
  };
}

async function unpack(/** @type {string} */ folder) {
  await rm(folder, { recursive: true, force: true });
  const python = pythonOf();
  const wheels = join(CACHE, "wheels");
  const download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", ...WINDOWS];
  await execa(python, [...download, "--dest", wheels, `openvino==${OPENVINO_VERSION}`], {
    stdout: process.stderr,
    stderr: "inherit",
  });
  const wheel = (await readdir(wheels)).find((name) => name.startsWith(`openvino-${OPENVINO_VERSION}`));
  if (wheel === undefined) throw new Error(`pip downloaded no wheel of openvino ${OPENVINO_VERSION}`);
  await execa(python, ["-m", "zipfile", "-e", join(wheels, wheel), folder]);
}

async function build(/** @type {string} */ libraries, /** @type {string} */ program) {
  const libs = join(libraries, "openvino");
  const args = [
    "-O1",
    "-I",
    join(libs, "include"),
    "-o",
    program,
    PROGRAM,
    join(libs, "libs/openvino_c.dll"),
  ];
  await execa("x86_64-w64-mingw32-gcc", args, { stderr: "inherit" });
}
