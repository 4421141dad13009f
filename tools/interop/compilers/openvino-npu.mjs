/**
 * Intel's NPU compiler without an NPU. OpenVINO's wheel for Linux lacks it; the wheel for Windows has it as a library
 * (`openvino_intel_npu_compiler.dll`), which Wine runs. Needs Debian's packages `wine64` and `gcc-mingw-w64-x86-64`.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { CACHE, folderOf, hashOf, pythonOf } from "./cache.mjs";

const PROGRAM = join(import.meta.dirname, "openvino_npu.c");

const WINDOWS = ["--platform", "win_amd64", "--python-version", "3.11", "--implementation", "cp"];

/** The command that compiles for a platform of Intel's NPU: its program, arguments and environment. */
export async function openvinoNpu(version, platform) {
  const libraries = await folderOf(`openvino-windows-${version}`, version, (folder) =>
    unpack(version, folder),
  );
  const source = await readFile(PROGRAM);
  const program = join(libraries, "openvino/libs/openvino_npu.exe");
  await folderOf(`openvino-windows-${version}/built`, hashOf(source), () => build(libraries, program));
  return {
    command: "wine",
    args: [program, platform],
    // Without its debugger a crash ends the process at once.
    environment: { WINEPREFIX: join(CACHE, "wine"), WINEDEBUG: "-all", WINEDLLOVERRIDES: "winedbg.exe=d" },
  };
}

async function unpack(version, folder) {
  await rm(folder, { recursive: true, force: true });
  const python = await pythonOf();
  const wheels = join(CACHE, "wheels");
  await execa(
    python,
    [
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--only-binary=:all:",
      ...WINDOWS,
      "--dest",
      wheels,
      `openvino==${version}`,
    ],
    { stdout: 2, stderr: 2 },
  );
  const wheel = (await readdir(wheels)).find(
    (name) => name.startsWith(`openvino-${version}`) && name.includes("win_amd64"),
  );
  await execa(python, ["-m", "zipfile", "-e", join(wheels, wheel), folder]);
}

async function build(libraries, program) {
  await execa(
    "x86_64-w64-mingw32-gcc",
    [
      "-O1",
      "-I",
      join(libraries, "openvino/include"),
      "-o",
      program,
      PROGRAM,
      join(libraries, "openvino/libs/openvino_c.dll"),
    ],
    { stderr: "inherit" },
  );
}
