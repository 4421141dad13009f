import { expect, test } from "vitest";
import { importSharp } from "./load-sharp.js";

test("names the image library that does not load, in one line", async () => {
  const reason = 'Could not load the "sharp" module using the win32-x64 runtime';
  const broken = (): Promise<never> => Promise.reject(new Error(`${reason}\nPossible solutions:`));
  await expect(importSharp(broken)).rejects.toMatchObject({
    code: "DEVICE_UNAVAILABLE",
    message: `vision: cannot load sharp, which decodes images, on ${process.platform}-${process.arch}: ${reason}`,
    suggestions: [expect.stringContaining("npm install") as string],
  });
});
