/** The example programs of docs/how-to/c.md, with a model that reads English words and writes their phonemes. */
import { execFileSync } from "node:child_process";
import { realpathSync } from "node:fs";
import { cp, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { compileModel, PortableModel, readModule, writeCFiles } from "@slm/c-export";
import { readCheckpoint } from "@slm/checkpoints";
import { loadTokenizer, readTokenizerFiles } from "@slm/tokenizer";
import { beforeAll, describe, expect, test } from "vitest";
import { required } from "../slm-process.js";
import { BUILDS, STRICT } from "./builds.test-support.js";
import { greedyAnswer } from "./greedy-answer.js";

const ROOT = join(import.meta.dirname, "../..");
const EXAMPLES = join(ROOT, "tools/c-examples");
const CHECKPOINT = join(ROOT, "configs/g2p/teachers/first");

/** Folder with Kotlin's compiler and library. */
const KOTLIN = required("SLM_TEST_KOTLIN", "e2e:c");
const KOTLIN_COMPILER = "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler";
const KOTLIN_LIBRARY = join(KOTLIN, "kotlin-stdlib.jar");
const KOTLIN_FLAGS = ["-no-stdlib", "-no-reflect", "-Werror", "-classpath", KOTLIN_LIBRARY];

const JAVA = dirname(dirname(realpathSync(execFileSync("which", ["javac"], { encoding: "utf8" }).trim())));
/** Arguments of a C compiler that builds the library for Java and Kotlin. */
const JNI_LIBRARY = [
  "-O2",
  "-shared",
  "-fPIC",
  "-I",
  join(JAVA, "include"),
  "-I",
  join(JAVA, "include/linux"),
  "jni.c",
  "library.c",
  "phonemes.c",
  "-o",
  "libphonemes.so",
  "-lm",
];

/** Programs to run one after the other in the folder of the exported model; the last one reads texts. */
const PROGRAMS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "answer.c": [["gcc", ...STRICT, "-O2", "answer.c", "phonemes.c", "-o", "answer", "-lm"], ["./answer"]],
  "answer.py": [
    ["gcc", "-O2", "-shared", "-fPIC", "library.c", "phonemes.c", "-o", "libphonemes.so", "-lm"],
    ["python3", "answer.py"],
  ],
  "answer.rs": [
    ["gcc", "-O2", "-c", "library.c", "phonemes.c"],
    ["ar", "rcs", "libphonemes.a", "library.o", "phonemes.o"],
    ["rustc", "-O", "answer.rs", "-L", ".", "-l", "static=phonemes", "-l", "m", "-o", "answer-rust"],
    ["./answer-rust"],
  ],
  "answer.go": [["go", "build", "-o", "answer-go", "."], ["./answer-go"]],
  "Answer.java": [
    ["gcc", ...STRICT, ...JNI_LIBRARY],
    ["javac", "Answer.java"],
    ["java", "-Djava.library.path=.", "Answer"],
  ],
  "answer.kt": [
    ["gcc", ...STRICT, ...JNI_LIBRARY],
    ["java", "-cp", join(KOTLIN, "*"), KOTLIN_COMPILER, ...KOTLIN_FLAGS, "answer.kt", "-d", "answer.jar"],
    ["java", "-Djava.library.path=.", "-cp", `answer.jar:${KOTLIN_LIBRARY}`, "AnswerKt"],
  ],
};

const exported = temporaryFolder();
beforeAll(async () => {
  const checkpoint = await readCheckpoint(CHECKPOINT);
  const compiled = compileModel(checkpoint, "int8");
  const files = await readTokenizerFiles(CHECKPOINT);
  await writeCFiles(exported, "phonemes", checkpoint.config, compiled, files);
});

const TEXTS = ["hello", "Phone", "it's", "onomatopoeia", "x1", "", "[pad]", "a".repeat(41)];

async function expectedAnswers(): Promise<readonly string[]> {
  const compiled = compileModel(await readCheckpoint(CHECKPOINT), "int8");
  const model = await PortableModel.open(await readModule(), compiled);
  const tokenizer = await loadTokenizer(CHECKPOINT);
  const known = TEXTS.slice(0, 4).map((text) =>
    tokenizer.decode(
      greedyAnswer(model, { source: tokenizer.encodeSource(text), most: 40, tokens: tokenizer.tokens }),
    ),
  );
  return [...known, "error -22", "error -23", "error -21", "error -4"];
}

/** A folder with an example, the files that it needs and the exported model. */
async function exampleFolder(example: string): Promise<string> {
  const folder = await mkdtemp(join(exported, "example-"));
  const libraries = /\.(?:java|kt)$/u.test(example) ? ["library.c", "jni.c"] : ["library.c"];
  for (const name of [example, ...libraries]) await cp(join(EXAMPLES, name), join(folder, name));
  for (const name of ["phonemes.c", "phonemes.h", "phonemes.bin"])
    await cp(join(exported, name), join(folder, name));
  return folder;
}

describe.each(Object.entries(PROGRAMS))("%s", (example, commands) => {
  test("answers as slm does, and reports texts that slm rejects", async () => {
    const folder = await exampleFolder(example);
    if (example === "answer.go") await writeFile(join(folder, "go.mod"), "module answer\n\ngo 1.19\n");
    let output = "";
    for (const [program, ...args] of commands)
      output = execFileSync(program!, args, {
        cwd: folder,
        encoding: "utf8",
        input: `${TEXTS.join("\n")}\n`,
      });
    expect(output.trim().split("\n")).toEqual(await expectedAnswers());
  });
});

test("the library for Java and Kotlin compiles for arm64, as Android needs", async () => {
  const folder = await exampleFolder("Answer.java");
  execFileSync(BUILDS["arm64 (emulated)"]!.compiler, [...STRICT, ...JNI_LIBRARY], { cwd: folder });
  const library = await readFile(join(folder, "libphonemes.so"), "latin1");
  for (const name of ["open", "longest", "answer"]) expect(library).toContain(`Java_Phonemes_${name}\0`);
});

test("the how-to shows the C example as it is", async () => {
  const page = await readFile(join(ROOT, "docs/how-to/c.md"), "utf8");
  expect(page).toContain(await readFile(join(EXAMPLES, "answer.c"), "utf8"));
});
