/**
 * Runs ONNX Runtime as on a CPU with fewer extensions, at native speed: it uses its kernels for AVX2, or for AVX-512 without VNNI, because
 * masked-cpuid.c clears bits in the result of CPUID. Needs x86-64 Linux, gcc and objdump.
 *
 *   eval "$(node tools/interop/processors/masked-cpuid.mjs avx2)" && npm test
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cpuFeatures } from "@slm/runtime";
import { USER_CACHE } from "../../lib/user-cache.mjs";

const execute = promisify(execFile);

/** The extensions to hide, and those that this CPU must have. */
/** @type {Readonly<Record<string, { needs: readonly string[], hide: readonly string[] }>>} */
export const KINDS = {
  avx2: { hide: ["avx512", "avx_vnni", "amx"], needs: ["avx2"] },
  avx512: { hide: ["avx512_vnni", "avx_vnni", "amx"], needs: ["avx512f"] },
  "avx-vnni": { hide: ["avx512", "amx"], needs: ["avx_vnni"] },
};

const CPUID = Buffer.from([0x0f, 0xa2]);
const UD2 = Buffer.from([0x0f, 0x0b]);

/** Offsets of the CPUID instructions in a library's file. */
async function cpuidOffsets(/** @type {string} */ library) {
  const options = { maxBuffer: 2 ** 32 };
  const headers = (await execute("objdump", ["-h", "-w", "-j", ".text", library])).stdout;
  const [, address = "", offset = ""] = /\.text\s+\S+\s+(\S+)\s+\S+\s+(\S+)/.exec(headers) ?? [];
  if (address === "") throw new Error(`${library}: objdump found no .text`);
  const { stdout } = await execute(
    "sh",
    ["-c", `objdump -d --no-show-raw-insn -j .text "$1" | grep -P '\\tcpuid\\s*$'`, "sh", library],
    options,
  );
  const move = Number.parseInt(offset, 16) - Number.parseInt(address, 16);
  return stdout
    .trim()
    .split("\n")
    .map((line) => Number.parseInt(line, 16) + move);
}

async function patchedLibrary(/** @type {string} */ cache) {
  const require = createRequire(import.meta.url);
  const engine = dirname(require.resolve("onnxruntime-node/package.json"));
  const library = join(engine, "bin/napi-v6/linux/x64/libonnxruntime.so.1");
  const bytes = await readFile(library);
  const folder = join(cache, createHash("sha256").update(bytes).digest("hex").slice(0, 16));
  const patched = join(folder, "libonnxruntime.so.1");
  if (existsSync(patched)) return folder;
  const offsets = await cpuidOffsets(library);
  for (const at of offsets) {
    if (!bytes.subarray(at, at + 2).equals(CPUID)) throw new Error(`no CPUID at offset ${at} of ${library}`);
    UD2.copy(bytes, at);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(`${patched}.${process.pid}`, bytes, { mode: 0o755 });
  await rename(`${patched}.${process.pid}`, patched);
  return folder;
}

async function maskLibrary(/** @type {string} */ cache) {
  const source = fileURLToPath(new URL("masked-cpuid.c", import.meta.url));
  const hash = createHash("sha256")
    .update(await readFile(source))
    .digest("hex");
  const library = join(cache, `mask-${hash.slice(0, 16)}.so`);
  if (existsSync(library)) return library;
  await mkdir(cache, { recursive: true });
  await execute("gcc", [
    "-O1",
    "-shared",
    "-fPIC",
    "-Wall",
    "-Werror",
    "-o",
    `${library}.${process.pid}`,
    source,
  ]);
  await rename(`${library}.${process.pid}`, library);
  return library;
}

/** Environment variables with which ONNX Runtime detects a CPU of that kind. */
export async function maskedEnvironment(/** @type {string} */ kind) {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`masking CPUID needs x86-64 Linux, got ${process.platform} ${process.arch}`);
  }
  const wanted = KINDS[kind];
  if (wanted === undefined)
    throw new Error(`unknown kind '${kind}': expected one of ${Object.keys(KINDS).join(", ")}`);
  const has = cpuFeatures(await readFile("/proc/cpuinfo", "utf8")) ?? [];
  const lacking = wanted.needs.filter((feature) => !has.includes(feature));
  if (lacking.length > 0) throw new Error(`this CPU has no ${lacking.join(", ")}, which '${kind}' has`);
  const cache = join(USER_CACHE, "cpuid-mask");
  return {
    LD_LIBRARY_PATH: await patchedLibrary(cache),
    LD_PRELOAD: await maskLibrary(cache),
    SLM_CPUID_HIDE: wanted.hide.join(","),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind = ""] = process.argv.slice(2);
  for (const [name, value] of Object.entries(await maskedEnvironment(kind))) {
    process.stdout.write(`export ${name}='${value}'\n`);
  }
}
