/** Loads the native image decoder with the first image, so that text tasks work where it is missing or broken. */
import type sharp from "sharp";
import { REINSTALL, SlmError } from "@slm/core";

let library: Promise<typeof sharp> | undefined;

/** The image library `sharp`. @throws SlmError DEVICE_UNAVAILABLE as {@link importSharp} */
export function loadSharp(): Promise<typeof sharp> {
  library ??= importSharp();
  return library;
}

/**
 * Imports the library and disables its operation cache, because it would only use memory.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the library is missing or does not load on this machine
 */
export async function importSharp(
  importLibrary: () => Promise<{ readonly default: typeof sharp }> = () => import("sharp"),
): Promise<typeof sharp> {
  try {
    const { default: loaded } = await importLibrary();
    loaded.cache(false);
    return loaded;
  } catch (cause) {
    const [reason = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `vision: cannot load sharp, which decodes images, on ${process.platform}-${process.arch}: ${reason}`,
      { suggestions: [REINSTALL], cause },
    );
  }
}
