/** Flags and arguments shared by the commands that read a recipe. */
import { Args, Flags } from "@oclif/core";
import { ENGINES, TRAINING_DEVICES } from "@slm/slm/command-line";

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
    summary: "Override a setting of the recipe (null: its default); repeatable.",
    helpGroup: "RECIPE",
  }),
  out: Flags.string({
    char: "o",
    aliases: ["output"],
    helpValue: "<dir>",
    summary: "Write the run to this directory. Default: runs/<name of the recipe>.",
    helpGroup: "RECIPE",
  }),
  "print-config": Flags.boolean({
    summary: "Print the resolved settings with the origin of each, and exit.",
    helpGroup: "RECIPE",
  }),
  "dry-run": Flags.boolean({ summary: "Print the plan with estimates, and exit.", helpGroup: "RECIPE" }),
  force: Flags.boolean({ summary: "Run stages again even if nothing changed.", helpGroup: "RECIPE" }),
};

export const threadsFlag = Flags.integer({
  min: 1,
  max: 1024,
  helpValue: "<n>",
  summary: "Use this many intra-op threads. Default: one per CPU core.",
});

export const engineFlag = Flags.option({
  options: ENGINES,
  summary: "Compute with ONNX Runtime (default), plain JavaScript, or libtensorflow.",
});

/** Flags of commands that run a recipe and train. */
export const computeFlags = {
  engine: engineFlag(),
  device: Flags.option({
    options: TRAINING_DEVICES,
    summary:
      "Train on this device, with the engine onnx; exit with code 69 if it is not available. Default: cpu.",
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
