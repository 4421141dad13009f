/** Shapes of the student and the teachers before a run starts. */
import { CONFIG_FILE, importConfig, readModelConfig, resolveCached } from "@slm/checkpoints";
import {
  hasTeacherShape,
  notSingle,
  publishedTowerOf,
  readSingleConfig,
  studentShape,
  type DistillConfig,
  type StudentShape,
  studentLengths,
} from "@slm/distillation";
import { parseModelConfig, type ModelConfig } from "@slm/model";
import { teacherConfig, type TeacherConfig } from "@slm/labelling";
import { readTeacherConfigs, trainedShape, type TeacherMemberConfig } from "@slm/teacher";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openExternal } from "@slm/models/published";
import { publishedTowerShape } from "@slm/models/published";
import type { PlanRequest } from "../stage/plan-request.js";
import { dataFacts, type DataFacts } from "./data-facts.js";

/** The student's shape; undefined if it depends on a teacher or vision tower that is not on disk yet. @throws SlmError CONFIG_INVALID */
export async function plannedStudentShape(
  request: PlanRequest<DistillConfig>,
): Promise<StudentShape | undefined> {
  const { student } = request.settings;
  const published = publishedTowerOf(student);
  const tower = published === undefined ? undefined : await publishedTowerShape(published);
  if (published !== undefined && tower === undefined) return undefined;
  const teacher = hasTeacherShape(student) ? await singleTeacherShape(request) : undefined;
  if (hasTeacherShape(student) && teacher === undefined) return undefined;
  return studentShape(student, { tower, teacher });
}

/**
 * The student's configuration, with a typical vocabulary size if there is no tokenizer yet; undefined if it depends on a teacher or vision
 * tower that is not on disk yet.
 *
 * @throws SlmError CONFIG_INVALID for sizes that do not fit together
 */
export async function plannedStudentConfig(
  request: PlanRequest<DistillConfig>,
): Promise<ModelConfig | undefined> {
  const shape = await plannedStudentShape(request);
  if (shape === undefined) return undefined;
  const facts = await dataFacts(request, shape);
  return parseModelConfig({ ...shape, ...vocabularyFields(facts) }, "distill: student");
}

/** Kinds of teachers with weights in a checkpoint on this machine. */
const CHECKPOINT_KINDS: ReadonlySet<TeacherConfig["kind"]> = new Set(["train", "checkpoint", "import"]);

/**
 * The teacher's shape, for a student that copies from it; undefined before the teacher has been downloaded.
 *
 * @throws SlmError CONFIG_INVALID unless the teacher is a single checkpoint
 */
async function singleTeacherShape(request: PlanRequest<DistillConfig>): Promise<ModelConfig | undefined> {
  const { artifacts, sections } = request;
  if (artifacts.teacher !== undefined) return readSingleConfig(artifacts.teacher, "student.shape");
  if (sections.teacher === undefined) return readSingleConfig(undefined, "student.shape");
  const { maxSource, maxTarget } = studentLengths(request.settings.student);
  const kind = teacherConfig.safeParse(sections.teacher).data?.kind;
  if (kind !== undefined && !CHECKPOINT_KINDS.has(kind))
    throw notSingle("student.shape", `a teacher of kind ${kind}`);
  const [shape] = await teacherShapes(request, await dataFacts(request, { maxSource, maxTarget }));
  return shape;
}

export async function teacherShapes(
  { artifacts, sections }: PlanRequest<unknown>,
  facts: DataFacts,
): Promise<readonly ModelConfig[]> {
  if (artifacts.teacher !== undefined) return readTeacherConfigs(artifacts.teacher);
  const settings = teacherConfig.safeParse(sections.teacher).data;
  if (settings === undefined) return [];
  const members = settings.kind === "ensemble" ? settings.members : [settings];
  const shapes: ModelConfig[] = [];
  for (const member of members) {
    const shape = await plannedTeacher(member, facts);
    if (shape !== undefined) shapes.push(shape);
  }
  return shapes;
}

/** The shape of a teacher that does not exist yet; undefined if it is not known. */
export async function plannedTeacher(
  member: Exclude<TeacherConfig, { readonly kind: "ensemble" }> | TeacherMemberConfig,
  facts: DataFacts,
): Promise<ModelConfig | undefined> {
  if (member.kind === "train")
    return parseModelConfig({ ...trainedShape(member.model), ...vocabularyFields(facts) }, "teacher.model");
  if (member.kind === "checkpoint" && existsSync(join(member.path, CONFIG_FILE)))
    return readModelConfig(member.path);
  if (member.kind !== "import") return undefined;
  const found = await resolveCached(member.model);
  if (found === undefined) return undefined;
  return importConfig((await openExternal(found.path)).checkpoint, member).config;
}

/** The configuration's fields that come from the tokenizer. */
export function vocabularyFields({ vocabulary }: DataFacts): object {
  return { vocabularySize: vocabulary, tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 } };
}
