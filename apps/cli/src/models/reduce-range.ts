/** Whether int8 weights must give up a bit on this machine. */
import { existsSync, readFileSync } from "node:fs";
import { arch } from "node:os";

const CPU_INFO = "/proc/cpuinfo";

/** Processor flags that stand for dot products without intermediate saturation. */
const SAFE = /\b(?:avx512_vnni|avx_vnni|avx512vnni|avxvnni|amx_int8)\b/;

/**
 * Whether an x86 processor adds products of bytes in 16 bits, which saturate. Other processors never do. Where the
 * system does not tell its flags, the answer is no: most x86 processors sold since 2020 have VNNI.
 *
 * Source: onnxruntime's quantization guide, "When and why do I need to try U8U8 or reduce range?".
 */
export function lacksVnni(
  cpuInfo: string | undefined = readCpuInfo(),
  architecture: string = arch(),
): boolean {
  return architecture === "x64" && cpuInfo !== undefined && !SAFE.test(cpuInfo);
}

function readCpuInfo(): string | undefined {
  return existsSync(CPU_INFO) ? readFileSync(CPU_INFO, "utf8") : undefined;
}

/** A setting as a yes or no. */
export const resolveReduceRange = (setting: boolean | "auto"): boolean =>
  setting === "auto" ? lacksVnni() : setting;
