/** Opens the teacher of a directory as a labeller. A table maps the directory's content to a kind of teacher. */
import { join } from "node:path";
import { isFile, SlmError } from "@slm/core";
import {
  createTokenizer,
  loadTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
} from "@slm/tokenizer";
import { isLabellerDirectory, loadTeachers, type Teacher } from "@slm/teacher";
import { localLabeller } from "./local-labeller.js";
import type { OpenRequest, OpenTeacher } from "./open-teacher.js";
import { openRemote } from "./remote-teacher.js";

interface TeacherKind {
  readonly isAt: (directory: string) => boolean;
  readonly open: (request: OpenRequest) => Promise<OpenTeacher>;
}

/** Kinds of teachers. The first kind that matches opens the directory. Any other directory is a model on this machine. */
const TEACHER_KINDS: readonly TeacherKind[] = [
  { isAt: isLabellerDirectory, open: openRemote },
  { isAt: () => true, open: openLocal },
];

/**
 * Opens the teacher of a directory.
 *
 * @throws SlmError SHAPE_MISMATCH if teacher and tokenizer have different vocabularies, and errors from loading
 */
export async function openLabellers(request: OpenRequest): Promise<OpenTeacher> {
  for (const { isAt, open } of TEACHER_KINDS) if (isAt(request.directory)) return open(request);
  throw new SlmError("UNEXPECTED", `teacher: ${request.directory} is not a directory of any kind of teacher`);
}

async function openLocal({
  directory,
  name,
  identity,
  tokenizerDirectory,
  engine,
}: OpenRequest): Promise<OpenTeacher> {
  const reader = await readersTokenizer(directory, tokenizerDirectory);
  const { tokenizer } = reader;
  const teacher = await loadTeachers(engine, directory);
  try {
    requireVocabulary(teacher, reader, directory);
    return {
      local: { teacher, tokenizer },
      labeller: localLabeller({ name, identity, teacher, tokenizer }),
      close: () => teacher.close(),
    };
  } catch (error) {
    await teacher.close();
    throw error;
  }
}

interface Reader {
  readonly tokenizer: Tokenizer;
  /** Whether it is the teacher's own tokenizer. Models often round their vocabulary size up. */
  readonly isOwn: boolean;
}

/** The teacher's own tokenizer, or the run's tokenizer for a teacher without one. */
async function readersTokenizer(teacherDirectory: string, tokenizerDirectory: string): Promise<Reader> {
  if (await isFile(join(teacherDirectory, TOKENIZER_FILE))) {
    const files = await readTokenizerFiles(teacherDirectory);
    if (files.config.source.symbols === undefined) return { tokenizer: createTokenizer(files), isOwn: true };
  }
  return { tokenizer: await loadTokenizer(tokenizerDirectory), isOwn: false };
}

function requireVocabulary(teacher: Teacher, { tokenizer, isOwn }: Reader, directory: string): void {
  const { vocabularySize: size } = teacher.config;
  if (isOwn ? size >= tokenizer.vocabularySize : size === tokenizer.vocabularySize) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `cache: the teacher's vocabulary has ${teacher.config.vocabularySize} tokens, the tokenizer's ` +
      `${tokenizer.vocabularySize} (${directory})`,
    { suggestions: ["use the tokenizer that the teacher was trained with"] },
  );
}
