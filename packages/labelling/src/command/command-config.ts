/** Settings of a program that labels sources. */
import { pathSetting } from "@slm/core";
import { z } from "zod";

/** Settings that affect the answers, and how to run the program. */
export const commandFields = {
  command: z
    .array(z.string().min(1).max(32_768))
    .min(1)
    .max(256)
    .describe("The program and its arguments. It runs without a shell."),
  directory: pathSetting
    .optional()
    .describe("Working directory of the program. Default: the current directory."),
  lines: z
    .enum(["json", "plain"])
    .default("json")
    .describe(
      'json: the program reads {"source"} and writes {"target"}, one per line; target null means no answer. plain: it reads a source and writes ' +
        "a target per line; an empty line means no answer, and sources with line breaks are not sent.",
    ),
  timeoutSeconds: z.number().positive().max(86_400).default(60).describe("Longest wait for an answer [s]."),
};

export const commandTeacher = z.strictObject({
  kind: z
    .literal("command")
    .describe(
      "A program that labels sources, such as a translator or a system of rules. It reads sources and writes targets.",
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
