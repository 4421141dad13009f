/** Flags and arguments shared by the commands that read a recipe. */
import { Args, Flags } from "@oclif/core";
import { ENGINES, TRAINING_DEVICES } from "@slm/pipeline/compute/compute";

export const recipeArg = Args.string({
  name: "recipe",
  description: "Recipe: a YAML file with one section per stage.",
});

export const requiredRecipeArg = Args.string({
  name: "recipe",
  required: true,
  description: "Recipe: a YAML file with one section per stage.",
});

export const recipeFlags = {
  set: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    default: [],
    helpValue: "<section.key=value>",
    summary: "Override one setting; may be repeated.",
    helpGroup: "RECIPE",
  }),
  out: Flags.string({
    char: "o",
    aliases: ["output"],
    helpValue: "<dir>",
    summary: "Directory of the run. Default: runs/<name of the recipe>.",
    helpGroup: "RECIPE",
  }),
  "print-config": Flags.boolean({
    summary: "Print the resolved settings with the origin of each, and stop.",
    helpGroup: "RECIPE",
  }),
  "dry-run": Flags.boolean({ summary: "Print the plan with estimates, and stop.", helpGroup: "RECIPE" }),
  "estimate-for": Flags.string({
    helpValue: "<name>",
    summary:
      "With --dry-run: training times of a device that 'slm doctor --measure <name>' measured, here or elsewhere.",
    dependsOn: ["dry-run"],
    helpGroup: "RECIPE",
  }),
  force: Flags.boolean({ summary: "Run stages again even if nothing changed.", helpGroup: "RECIPE" }),
};

export const threadsFlag = Flags.integer({
  min: 1,
  max: 1024,
  helpValue: "<n>",
  summary: "Intra-op threads. Default: one per CPU core.",
});

export const engineFlag = Flags.option({
  options: ENGINES,
  summary: "Training engine: ONNX Runtime (default), plain JavaScript, or libtensorflow.",
});

/** Flags of commands that run a recipe and train. */
export const computeFlags = {
  engine: engineFlag(),
  device: Flags.option({
    options: TRAINING_DEVICES,
    summary:
      "Device that trains, with the engine onnx. Default: cpu. Without that device the command exits with 69.",
  })(),
  threads: threadsFlag,
};

/** Flags of commands that run one stage that trains. */
export const trainingFlags = {
  ...recipeFlags,
  ...computeFlags,
  resume: Flags.boolean({
    default: true,
    allowNo: true,
    summary: "Resume an interrupted run (default); --no-resume starts the stage from the beginning.",
    helpGroup: "RECIPE",
  }),
};
