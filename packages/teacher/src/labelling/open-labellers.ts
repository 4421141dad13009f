/** Opens the teachers of a directory as labellers: a table by what the directory holds. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import {
  createTokenizer,
  loadTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
} from "@slm/tokenizer";
import { isLabellerDirectory } from "../labeller-directory.js";
import { loadMembers, type LoadedMembers } from "../teacher-directory.js";
import type { Teacher } from "../teacher.js";
import { localLabeller } from "./local-labeller.js";
import type { OpenRequest, OpenTeacher } from "./open-teacher.js";
import { openRemote } from "./remote-teacher.js";

interface TeacherKind {
  readonly isAt: (directory: string) => Promise<boolean>;
  readonly open: (request: OpenRequest) => Promise<OpenTeacher>;
}

/** Kinds of teachers; the first that a directory is of opens it. Everything else is a model on this machine. */
const TEACHER_KINDS: readonly TeacherKind[] = [
  { isAt: (directory) => Promise.resolve(isLabellerDirectory(directory)), open: openRemote },
  { isAt: () => Promise.resolve(true), open: openLocal },
];

/**
 * Opens the teacher of a directory.
 *
 * @throws SlmError SHAPE_MISMATCH when teacher and tokenizer have different vocabularies, and what loading throws
 */
export async function openLabellers(request: OpenRequest): Promise<OpenTeacher> {
  for (const { isAt, open } of TEACHER_KINDS) if (await isAt(request.directory)) return open(request);
  throw new SlmError("UNEXPECTED", `teacher: no kind of teacher is at ${request.directory}`);
}

async function openLocal({
  directory,
  name,
  identity,
  tokenizerDirectory,
  engine,
}: OpenRequest): Promise<OpenTeacher> {
  const own = await readersTokenizer(directory, tokenizerDirectory);
  const loaded = await loadMembers(engine, directory);
  const { joined } = loaded;
  try {
    requireVocabulary(joined, own, directory);
    const readers = await membersTokenizers(loaded, own.tokenizer, tokenizerDirectory);
    return {
      local: { teacher: joined, tokenizer: own.tokenizer },
      labeller: (decoding) =>
        localLabeller({ name, identity, teacher: joined, tokenizer: own.tokenizer, ...decoding }),
      members: (decoding) =>
        loaded.members.map(({ teacher }, index) => {
          const suffix = loaded.members.length === 1 ? "" : `-${index}`;
          const of = { name: `${name}${suffix}`, identity: `${identity}${suffix}` };
          return localLabeller({ ...of, teacher, tokenizer: readers[index]!, ...decoding });
        }),
      close: () => joined.close(),
    };
  } catch (error) {
    await joined.close();
    throw error;
  }
}

/** Tokenizers of the members: their own, or that of the whole teacher. */
async function membersTokenizers(
  { members }: LoadedMembers,
  whole: Tokenizer,
  tokenizerDirectory: string,
): Promise<readonly Tokenizer[]> {
  const tokenizers: Tokenizer[] = [];
  for (const { directory } of members)
    tokenizers.push(
      members.length === 1 ? whole : (await readersTokenizer(directory, tokenizerDirectory)).tokenizer,
    );
  return tokenizers;
}

interface Reader {
  readonly tokenizer: Tokenizer;
  /** Whether it is the teacher's own. Models often round their vocabulary size up beyond it. */
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
    { suggestions: ["use the tokenizer the teacher was trained with"] },
  );
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}
