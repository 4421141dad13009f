/** SwiftShader, the software Vulkan device of Debian's package `chromium`, for machines without a GPU. */
import { execa } from "execa";
import { dirname } from "node:path";

/** Environment variables with which WebGPU finds it. @throws Error where the package is not installed */
export async function softwareAdapter() {
  const { stdout } = await execa("dpkg", ["-L", "chromium"], { reject: false });
  const driver = (stdout ?? "").split("\n").find((path) => path.endsWith("/vk_swiftshader_icd.json"));
  if (driver === undefined)
    throw new Error("WebGPU needs a Vulkan device: apt-get install chromium has a software one");
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: dirname(driver) };
}
