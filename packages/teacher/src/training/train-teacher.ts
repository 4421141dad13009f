/** Trains a teacher from random weights. */
import { writeCheckpoint } from "@slm/checkpoints";
import { parameterCount, parseModelConfig } from "@slm/model";
import { loadTokenizer, readTokenizerFiles, writeTokenizer } from "@slm/tokenizer";
import { teacherTraining, trainedShape, type TrainedTeacherConfig } from "../config/teacher-config.js";
import { trainOnRows, type TrainingFigures, type TrainingInputs } from "./train-on-rows.js";

interface TeacherInputs extends TrainingInputs {
  readonly tokenizerDirectory: string;
}

interface TeacherReport extends TrainingFigures {
  readonly parameters: number;
  readonly vocab: number;
}

/** Trains a teacher on the data's labels and writes its best checkpoint as float16. @throws SlmError as {@link trainOnRows} */
export async function trainTeacher(
  settings: TrainedTeacherConfig,
  { tokenizerDirectory, ...inputs }: TeacherInputs,
): Promise<TeacherReport> {
  const { workDirectory } = inputs;
  const tokenizer = await loadTokenizer(tokenizerDirectory);
  const { vocabularySize, tokens } = tokenizer;
  const config = parseModelConfig(
    { ...trainedShape(settings.model), vocabularySize, tokens },
    "teacher.model",
  );
  const training = teacherTraining(settings);
  const { labelSmoothing } = settings;
  const { bestStep: _, ...figures } = await trainOnRows(
    { ...inputs, config, tokenizer, settings, training, labelSmoothing },
    async (weights) => {
      await writeCheckpoint(workDirectory, { config, weights }, "float16");
      await writeTokenizer(await readTokenizerFiles(tokenizerDirectory), workDirectory);
    },
  );
  return { parameters: parameterCount(config), vocab: vocabularySize, ...figures };
}
