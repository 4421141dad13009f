import { expect, test } from "vitest";
import { readKernels } from "../text/kernel-files.js";
import { KERNEL_NAMES, parametersOf } from "./kernels.js";

/** Types of parameters in C. Rows of the arena also have a stride. */
const TYPES = {
  values: "float *",
  arena: "float *",
  ids: "int32_t *",
  weight: "float *",
  rows: "int ",
  int: "int ",
  limit: "int ",
  float: "float ",
};

test.each(KERNEL_NAMES)("%s has the same parameters in C", async (kernel) => {
  const [, list] = new RegExp(`static void ${kernel}\\(([^)]*)\\)`, "u").exec(await readKernels())!;
  const declared = list!.split(", ").map((one) => one.replace(/^const /u, ""));
  expect(declared.filter((one) => !/^int \w*[sS]tride$/u.test(one))).toEqual(
    parametersOf(kernel).map(([name, kind]) => `${TYPES[kind]}${name}`),
  );
  const values = parametersOf(kernel).filter(([, kind]) => kind === "values");
  expect(declared).toHaveLength(parametersOf(kernel).length + values.length);
});
