/** Settings of a program that labels sources. */
import { pathSetting } from "@slm/core";
import { z } from "zod";

/** What decides the answers, and how the program is run. */
export const commandFields = {
  command: z
    .array(z.string().min(1).max(32_768))
    .min(1)
    .max(256)
    .describe("The program and its arguments. It is started without a shell."),
  directory: pathSetting
    .optional()
    .describe("Working directory of the program. Default: the current directory."),
  lines: z
    .enum(["json", "plain"])
    .default("json")
    .describe(
      'json: reads {"source"} and writes {"target"} as JSON, one per line; target null means no answer. plain: reads a source and writes ' +
        "a target per line; an empty line means no answer, and sources with line breaks get none.",
    ),
  timeoutSeconds: z
    .number()
    .positive()
    .max(86_400)
    .default(60)
    .describe("Longest time without an answer while sources wait [s]."),
};

export const commandTeacher = z.strictObject({
  kind: z
    .literal("command")
    .describe(
      "A program, such as a translator or a system of rules, that reads sources and writes targets. It labels sources.",
    ),
  ...commandFields,
  files: z
    .array(pathSetting)
    .max(1000)
    .default([])
    .describe("Files the program reads, such as its script or its rules: a change labels the sources again."),
});

export type CommandTeacherConfig = z.infer<typeof commandTeacher>;
