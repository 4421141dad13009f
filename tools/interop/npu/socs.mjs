/** SoCs that graphs are compiled for: those of the table of chips that are one of each generation of Hexagon, and the laptop's. */
import { socOf } from "@slm/devices";

const NAMES = ["sm8450", "sc8380xp", "sm8550", "sm8650", "sm8750", "sm8850"];

export const SOCS = NAMES.map((name) => {
  const { title, generation, options } = socOf("qnn", name);
  return {
    name: name.toUpperCase(),
    model: options.soc_model,
    arch: generation.replace("Hexagon ", ""),
    sold: title,
  };
});
