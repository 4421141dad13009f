/** Fine-tunes a text teacher on the task's rows: LoRA adapters are trained and merged into its weights. */
import { readCheckpoint, writeCheckpoint } from "@slm/checkpoints";
import { loadTokenizer } from "@slm/tokenizer";
import { finetuneTraining, type FinetuneConfig } from "../config/finetune-config.js";
import { trainOnRows, type TrainingFigures, type TrainingInputs } from "./train-on-rows.js";

export interface FinetuneReport extends TrainingFigures {
  readonly bestStep: number;
}

/**
 * Trains on the rows' targets, with the prompt that the teacher's tokenizer adds around sources. `workDirectory` has the checkpoint and
 * its tokenizer, and gets the merged checkpoint of the best step as float32.
 *
 * @throws SlmError as {@link trainOnRows}
 */
export async function finetuneTeacher(
  settings: FinetuneConfig,
  inputs: TrainingInputs,
): Promise<FinetuneReport> {
  const { workDirectory } = inputs;
  const { config, weights: initial } = await readCheckpoint(workDirectory);
  const tokenizer = await loadTokenizer(workDirectory);
  const training = finetuneTraining(settings);
  return trainOnRows(
    { ...inputs, config, tokenizer, initial, settings, training, labelSmoothing: 0 },
    (weights) => writeCheckpoint(workDirectory, { config, weights }),
  );
}
