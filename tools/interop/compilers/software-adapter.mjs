/** SwiftShader, the software Vulkan device that Debian ships with `chromium`, for machines without a GPU. */
import { execa } from "execa";
import { dirname } from "node:path";

/** Environment variables with which WebGPU finds it. @throws Error where the package is not installed */
export async function softwareAdapter() {
  const { stdout } = await execa("dpkg", ["-S", "vk_swiftshader_icd.json"], { reject: false });
  const driver = /: (\S+)$/mu.exec(stdout)?.[1];
  if (driver === undefined)
    throw new Error("WebGPU needs a Vulkan device: apt-get install chromium has a software one");
  return { VK_ICD_FILENAMES: driver, LD_LIBRARY_PATH: dirname(driver) };
}
