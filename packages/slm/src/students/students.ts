/** The trained students that ship with slm, for `slm try`. */
import { SlmError } from "@slm/core/errors";
import { nearest } from "@slm/core/edit-distance";
import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

interface StudentFacts {
  /** What it does, in one sentence. */
  readonly summary: string;
  /** A text that it answers. */
  readonly example: string;
  /** The recipe that made it, from the root of slm's repository. */
  readonly recipe: string;
}

const STUDENTS = {
  g2p: {
    summary: "Writes the phonemes of an English word.",
    example: "constantinople",
    recipe: "configs/quickstart/recipe.yaml",
  },
  dates: {
    summary: "Writes a date in one of six languages in ISO 8601.",
    example: "the 3rd of May '07",
    recipe: "configs/dates/try.yaml",
  },
} as const satisfies Readonly<Record<string, StudentFacts>>;

export type StudentName = keyof typeof STUDENTS;

export const STUDENT_NAMES = Object.keys(STUDENTS) as readonly StudentName[];

export interface Student extends StudentFacts {
  readonly name: StudentName;
  /** Its bundle. */
  readonly directory: string;
  /** The command that answers the example. */
  readonly command: string;
}

/** A student and the size of its bundle. */
export interface ListedStudent extends Student {
  readonly bytes: number;
}

/** Resolved by `imports` of package.json, to a folder of this package or of the published one. */
const FOLDER = "#students/README.md";

/** The folder of the bundles. */
function studentsFolder(): string {
  return dirname(createRequire(import.meta.url).resolve(FOLDER));
}

/** @throws SlmError USAGE for a name that is not in the list */
export function studentNamed(text: string): Student {
  const name = STUDENT_NAMES.find((known) => known === text);
  if (name !== undefined) {
    const facts = STUDENTS[name];
    return { name, ...facts, directory: join(studentsFolder(), name), command: tryCommand(name) };
  }
  const near = nearest(text, STUDENT_NAMES);
  const guess = STUDENT_NAMES.find((known) => known === near);
  const meant = guess === undefined ? "" : `; did you mean '${guess}'?`;
  throw new SlmError("USAGE", `try: expected ${STUDENT_NAMES.join(" or ")}, got '${text}'${meant}`, {
    context: { student: text },
    suggestions: [...(guess === undefined ? [] : [tryCommand(guess)]), "slm try"],
  });
}

/** Every student that ships with slm. */
export async function listStudents(): Promise<readonly ListedStudent[]> {
  return Promise.all(
    STUDENT_NAMES.map(async (name) => {
      const student = studentNamed(name);
      return { ...student, bytes: await bytesOf(student.directory) };
    }),
  );
}

/** The student's recipe from the working directory; undefined if only slm's repository has it. */
export function recipeOf({ recipe }: Student): string | undefined {
  const folder = studentsFolder();
  // The folder is in the root of the published package, and three levels below the root of the repository.
  const roots = [join(folder, ".."), join(folder, "../../..")];
  const found = roots.map((root) => join(root, recipe)).find((path) => existsSync(path));
  return found === undefined ? undefined : relative(process.cwd(), found);
}

function tryCommand(name: StudentName): string {
  const { example } = STUDENTS[name];
  return `slm try ${name} ${/\W/.test(example) ? `"${example}"` : example}`;
}

async function bytesOf(directory: string): Promise<number> {
  const names = await readdir(directory);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
