/** Settings of a program that labels sources. */
import { pathSetting } from "@slm/core";
import { z } from "zod";

/** Settings that affect the answers, and how to run the program. */
export const commandFields = {
  command: z
    .array(z.string().min(1).max(32_768))
    .min(1)
    .max(256)
    .describe("The program and its arguments. It runs in the current directory, without a shell."),
};

export const commandTeacher = z.strictObject({
  kind: z
    .literal("command")
    .describe(
      'A program that labels sources, such as a translator or a system of rules. It reads {"source"} and writes {"target"}, one per line; target null means no answer.',
    ),
  ...commandFields,
  files: z
    .array(pathSetting)
    .max(1000)
    .default([])
    .describe(
      "Files that the program reads, such as its script or rules. If one changes, the sources are labelled again.",
    ),
});

export type CommandTeacherConfig = z.infer<typeof commandTeacher>;
