/** Settings of a labeller that an extension adds. */
import { pathSetting } from "@slm/core";
import { z } from "zod";
import { LABELLERS } from "./labeller-kinds.js";

export const extensionTeacher = z
  .strictObject({
    kind: z.literal("extension").describe("A labeller that an extension adds."),
    labeller: z.string().describe("Name of the labeller."),
    settings: z.record(z.string(), z.unknown()).default({}).describe("Settings of the labeller."),
    files: z
      .array(pathSetting)
      .max(1000)
      .default([])
      .describe("Files that the labeller reads. If one changes, the sources are labelled again."),
  })
  .check(({ value, issues }) => {
    const reject = (key: string, message: string): void => {
      issues.push({ code: "custom", input: value, path: [key], message });
    };
    const kind = LABELLERS.get(value.labeller);
    if (kind === undefined) {
      const known = LABELLERS.names.join(", ") || "no labellers are loaded";
      reject("labeller", `expected a labeller of an extension (${known}), got '${value.labeller}'`);
      return;
    }
    try {
      kind.settings.parse(value.settings);
    } catch (error) {
      reject("settings", error instanceof Error ? error.message : String(error));
    }
  });

export type ExtensionTeacherConfig = z.infer<typeof extensionTeacher>;
