/** Makes the members of an ensemble of teachers, one directory each, and `ensemble.json`. */
import { SlmError } from "@slm/core/errors";
import { ifThere, hashJson, readJsonFile, writeJsonAtomic } from "@slm/core";
import { type TeacherConfig } from "@slm/labelling";
import { writeEnsemble, type TeacherMemberConfig } from "@slm/teacher";
import { readTokenizerFiles, writeTokenizer, type TokenizerFiles } from "@slm/tokenizer";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { FilesRequest, StageFile } from "../stage/plan-request.js";
import { makeTeacher, teacherFiles, type MadeTeacher, type TeacherRun } from "./make-teacher.js";

type EnsembleConfig = Extract<TeacherConfig, { readonly kind: "ensemble" }>;

export interface EnsembleReport extends MadeTeacher {
  /** Report of each member. */
  readonly members: readonly MadeTeacher[];
}

/** Written last to a member's directory, so that a resumed run skips finished members. */
const REPORT_FILE = "report.json";
const memberReport = z.looseObject({ parameters: z.number(), vocab: z.number() });

/**
 * Makes the members `member-0`, `member-1`, ... in the work directory. Members that an interrupted run finished are kept.
 *
 * @throws SlmError SHAPE_MISMATCH if members have different vocabularies, and from making a member.
 */
export async function makeEnsemble({ members }: EnsembleConfig, run: TeacherRun): Promise<EnsembleReport> {
  const reports: MadeTeacher[] = [];
  for (const [index, member] of members.entries()) {
    const work = join(run.work, directoryOf(index));
    await mkdir(work, { recursive: true });
    const report =
      (await finishedMember(work)) ?? (await makeMember(member, index, members.length, { ...run, work }));
    reports.push(report);
  }
  const vocab = requireOneVocabulary(reports);
  if (members.some((member) => "vocabulary" in member && member.vocabulary === "run"))
    await writeSharedTokenizer(run.work, members.length);
  await writeEnsemble(
    run.work,
    members.map(({ weight }, index) => ({ directory: directoryOf(index), weight })),
  );
  return {
    parameters: reports.reduce((sum, { parameters }) => sum + parameters, 0),
    vocab,
    members: reports,
  };
}

/**
 * Writes the members' tokenizer next to them. All members use its prompt.
 *
 * @throws SlmError CONFIG_INVALID if their prompts differ
 */
async function writeSharedTokenizer(work: string, count: number): Promise<void> {
  const files: TokenizerFiles[] = [];
  for (let index = 0; index < count; index++)
    files.push(await readTokenizerFiles(join(work, directoryOf(index))));
  const [first, ...others] = files;
  const other = others.findIndex(({ config }) => hashJson(config.source) !== hashJson(first!.config.source));
  if (other >= 0) {
    throw new SlmError(
      "CONFIG_INVALID",
      `teacher: members with vocabulary: run need the same prompt; the prompts of member ${other + 1} and member 0 differ`,
      { suggestions: ["give all members the same prompt"] },
    );
  }
  await writeTokenizer(first!, work);
}

/** Files outside the run that are copied to members. */
export async function memberFiles(
  { members }: EnsembleConfig,
  request: FilesRequest,
): Promise<readonly StageFile[]> {
  const files: StageFile[] = [];
  for (const [index, member] of members.entries()) {
    for (const { setting, path } of await teacherFiles(member, request))
      files.push({ setting: `members.${index}.${setting}`, path });
  }
  return files;
}

const directoryOf = (index: number): string => `member-${index}`;

async function makeMember(
  member: TeacherMemberConfig,
  index: number,
  count: number,
  run: TeacherRun,
): Promise<MadeTeacher> {
  const { context } = run;
  const seed = (member.kind === "train" ? member.seed : undefined) ?? context.seed + index;
  const report = await makeTeacher(member, {
    ...run,
    context: {
      ...context,
      seed,
      progress: (update) => {
        context.progress({
          ...update,
          message: [`member ${index + 1}/${count}`, update.message ?? ""].join(" ").trim(),
        });
      },
    },
  });
  await writeJsonAtomic(join(run.work, REPORT_FILE), report);
  return report;
}

const finishedMember = (work: string): Promise<MadeTeacher | undefined> =>
  ifThere(readJsonFile(join(work, REPORT_FILE), memberReport));

function requireOneVocabulary(reports: readonly MadeTeacher[]): number {
  const { vocab } = reports[0]!;
  const other = reports.findIndex((report) => report.vocab !== vocab);
  if (other < 0) return vocab;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `teacher: expected the same vocabulary for all members; member 0 has ${vocab} tokens, member ${other} has ${reports[other]!.vocab}`,
    { suggestions: ["use members trained with the tokenizer of this run"] },
  );
}
