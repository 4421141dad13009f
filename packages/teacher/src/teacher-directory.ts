/** Reads a teacher's directory: a checkpoint or graph, or `ensemble.json` and a checkpoint or graph per member. */
import { join } from "node:path";
import { isThere, readJsonFile, relativePath, requireIntact, SlmError, writeJsonAtomic } from "@slm/core";
import { CONFIG_FILE, readCheckpoint, readModelConfig } from "@slm/checkpoints";
import { type ModelConfig } from "@slm/model";
import type { Engine } from "@slm/tensor";
import { loadTokenizer, TOKENIZER_FILE, type Tokenizer } from "@slm/tokenizer";
import { z } from "zod";
import { MAX_MEMBERS } from "./config/teacher-config.js";
import { joinTeachers } from "./models/ensemble.js";
import { GRAPH_FILE } from "./graph/graph-file.js";
import { loadGraphTeacher } from "./graph/load-graph.js";
import { isLabellerDirectory } from "./labeller-directory.js";
import { loadTeacher } from "./models/teacher-scorer.js";
import type { Teacher } from "./models/teacher.js";

const ENSEMBLE_FILE = "ensemble.json";

const ensembleSchema = z.strictObject({
  version: z.literal(1),
  members: z
    .array(
      z.strictObject({
        directory: relativePath.describe("Checkpoint of the member, relative to the ensemble's directory."),
        weight: z.number().positive().describe("Weight of the member's probabilities in the mean; any unit."),
      }),
    )
    .min(1)
    .max(MAX_MEMBERS),
});

export interface TeacherMember {
  /** Relative to the ensemble's directory. */
  readonly directory: string;
  readonly weight: number;
}

/** Writes the file that declares a directory of checkpoints an ensemble. @throws SlmError OUTPUT_FAILED */
export async function writeEnsemble(directory: string, members: readonly TeacherMember[]): Promise<void> {
  await writeJsonAtomic(join(directory, ENSEMBLE_FILE), { version: 1, members });
}

/** The checkpoints in a teacher's directory with their weights in the mean; a single checkpoint is an ensemble of one. */
async function membersOf(directory: string): Promise<readonly TeacherMember[]> {
  const file = join(directory, ENSEMBLE_FILE);
  if (!(await isIn(directory, ENSEMBLE_FILE))) return [{ directory, weight: 1 }];
  const { members } = await readJsonFile(file, ensembleSchema, { limitBytes: 1 << 16 });
  return members.map((member) => ({ ...member, directory: join(directory, member.directory) }));
}

/**
 * Model configurations in a teacher's directory, one per member. Imported ONNX graphs, servers and programs have none.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID naming the file.
 */
export async function readTeacherConfigs(directory: string): Promise<readonly ModelConfig[]> {
  const configs: ModelConfig[] = [];
  if (isLabellerDirectory(directory)) return configs;
  for (const member of await membersOf(directory)) {
    if ((await isIn(member.directory, GRAPH_FILE)) && !(await isIn(member.directory, CONFIG_FILE))) continue;
    configs.push(await readModelConfig(member.directory));
  }
  return configs;
}

/**
 * Describes a teacher's directory for error messages; undefined for a single checkpoint. A graph that was exported from a checkpoint is in
 * the same directory.
 */
export async function otherThanCheckpoint(directory: string): Promise<string | undefined> {
  if (await isIn(directory, CONFIG_FILE)) return undefined;
  if (await isIn(directory, ENSEMBLE_FILE)) return "an ensemble";
  return (await isIn(directory, GRAPH_FILE)) ? "an ONNX model" : "no model's weights";
}

/** Loads the teacher in a directory on the engine; an ensemble becomes one teacher.
 *
 * @throws SlmError INPUT_MISSING, DATA_INVALID, CONFIG_INVALID or SHAPE_MISMATCH naming the file; CONFIG_INVALID for a graph on an engine
 * that cannot run graphs, a model that reads images, a server or a program; SHAPE_MISMATCH if members differ in vocabulary.
 */
export async function loadTeachers(engine: Engine, directory: string): Promise<Teacher> {
  if (isLabellerDirectory(directory)) throw hasNoWeights(directory);
  const members = await membersOf(directory);
  const teachers: Teacher[] = [];
  try {
    for (const member of members) teachers.push(await loadOne(engine, member.directory));
    const [first, ...others] = teachers;
    if (others.length === 0) return first!;
    return joinTeachers(
      engine,
      teachers,
      members.map(({ weight }) => weight),
    );
  } catch (error) {
    for (const teacher of teachers) await teacher.close();
    throw error;
  }
}

/**
 * Loads the tokenizer in a teacher's directory. For an ensemble, loads the first member's, because all share one vocabulary.
 *
 * @throws SlmError INPUT_MISSING
 */
export async function teacherTokenizer(directory: string): Promise<Tokenizer> {
  if (await isIn(directory, TOKENIZER_FILE)) return loadTokenizer(directory);
  const [first] = await membersOf(directory);
  return loadTokenizer(first!.directory);
}

/** A graph is preferred over its checkpoint. */
async function loadOne(engine: Engine, directory: string): Promise<Teacher> {
  if (await isIn(directory, GRAPH_FILE)) {
    await requireIntact(directory);
    return loadGraphTeacher(engine, directory);
  }
  return loadTeacher(engine, await readCheckpoint(directory));
}

const hasNoWeights = (directory: string): SlmError =>
  new SlmError(
    "CONFIG_INVALID",
    `teacher: expected a model in ${directory}, got a server or a program, which only labels sources`,
    {
      suggestions: [
        "store its labels: add a section cache to the recipe",
        "learn only from labels: --set distill.loss.forwardKl=0 --set distill.loss.crossEntropy=1",
      ],
    },
  );

const isIn = (directory: string, file: string): Promise<boolean> => isThere(join(directory, file));
