import { withCode } from "@slm/core/testing";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { listStudents, recipeOf, studentNamed, STUDENT_NAMES } from "./students.js";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));
/** Largest size of all bundles together [bytes]. */
const LARGEST = 3_000_000;

describe(listStudents, () => {
  test("names the students that ship with slm, with commands that a shell reads", async () => {
    const students = await listStudents();
    expect(students.map(({ command }) => command)).toEqual([
      "slm try g2p constantinople",
      `slm try dates "the 3rd of May '07"`,
    ]);
  });

  test("has bundles of at most 3 MB together", async () => {
    const students = await listStudents();
    const bytes = students.reduce((sum, student) => sum + student.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(LARGEST);
  });
});

describe(studentNamed, () => {
  test("suggests the nearest name", () => {
    expect(() => studentNamed("date")).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: "try: expected g2p or dates, got 'date'; did you mean 'dates'?",
        suggestions: [`slm try dates "the 3rd of May '07"`, "slm try"],
      }),
    );
  });

  test.each(["../g2p", "g2p/", "G2P ", "__proto__", "constructor", "/etc/passwd", "", "README.md"])(
    "rejects '%s': only listed names reach a path",
    (name) => {
      expect(() => studentNamed(name)).toThrow(withCode("USAGE"));
    },
  );
});

describe(recipeOf, () => {
  test.each(STUDENT_NAMES)("the recipe of %s is in this repository", (name) => {
    const student = studentNamed(name);
    expect(existsSync(join(repository, student.recipe))).toBe(true);
    expect(existsSync(recipeOf(student)!)).toBe(true);
  });
});
