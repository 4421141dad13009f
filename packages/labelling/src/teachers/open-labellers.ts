/** Opens the teachers of a directory as labellers: a table by what the directory holds. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/core";
import {
  createTokenizer,
  readTokenizerFiles,
  TOKENIZER_FILE,
  type Tokenizer,
  type TokenizerFiles,
} from "@slm/tokenizer";
import { isLabellerDirectory, loadMembers, type LoadedMembers, type Teacher } from "@slm/teacher";
import { localLabeller } from "./local-labeller.js";
import type { OpenRequest, OpenTeacher } from "./open-teacher.js";
import { openRemote } from "./remote-teacher.js";

interface TeacherKind {
  readonly isAt: (directory: string) => boolean;
  readonly open: (request: OpenRequest) => Promise<OpenTeacher>;
}

/** Kinds of teachers; the first that a directory is of opens it. Everything else is a model on this machine. */
const TEACHER_KINDS: readonly TeacherKind[] = [
  { isAt: isLabellerDirectory, open: openRemote },
  { isAt: () => true, open: openLocal },
];

/**
 * Opens the teacher of a directory.
 *
 * @throws SlmError SHAPE_MISMATCH when teacher and tokenizer have different vocabularies, and what loading throws
 */
export async function openLabellers(request: OpenRequest): Promise<OpenTeacher> {
  for (const { isAt, open } of TEACHER_KINDS) if (isAt(request.directory)) return open(request);
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
    const readers = await membersReaders(loaded, own, tokenizerDirectory);
    return {
      local: { teacher: joined, tokenizer: own.tokenizer },
      labeller: (decoding) =>
        localLabeller({
          name,
          identity,
          teacher: joined,
          tokenizer: own.tokenizer,
          plain: own.plain,
          ...decoding,
        }),
      members: (decoding) =>
        loaded.members.map(({ teacher }, index) => {
          const suffix = loaded.members.length === 1 ? "" : `-${index}`;
          const of = { name: `${name}${suffix}`, identity: `${identity}${suffix}` };
          return localLabeller({ ...of, teacher, ...readers[index]!, ...decoding });
        }),
      close: () => joined.close(),
    };
  } catch (error) {
    await joined.close();
    throw error;
  }
}

/** Tokenizers of the members: their own, or that of the whole teacher. */
async function membersReaders(
  { members }: LoadedMembers,
  whole: Reader,
  tokenizerDirectory: string,
): Promise<readonly Reader[]> {
  if (members.length === 1) return [whole];
  const readers: Reader[] = [];
  for (const { directory } of members) readers.push(await readersTokenizer(directory, tokenizerDirectory));
  return readers;
}

interface Reader {
  readonly tokenizer: Tokenizer;
  /** The same tokenizer without the task's prompt; absent for a tokenizer of symbols. */
  readonly plain: Tokenizer | undefined;
  /** Whether it is the teacher's own. Models often round their vocabulary size up beyond it. */
  readonly isOwn: boolean;
}

/** The teacher's own tokenizer, or the run's tokenizer for a teacher without one. */
async function readersTokenizer(teacherDirectory: string, tokenizerDirectory: string): Promise<Reader> {
  if (await isFile(join(teacherDirectory, TOKENIZER_FILE))) {
    const files = await readTokenizerFiles(teacherDirectory);
    if (files.config.source.symbols === undefined)
      return { tokenizer: createTokenizer(files), plain: createTokenizer(withoutPrompt(files)), isOwn: true };
  }
  const files = await readTokenizerFiles(tokenizerDirectory);
  const plain = files.config.source.symbols === undefined ? createTokenizer(withoutPrompt(files)) : undefined;
  return { tokenizer: createTokenizer(files), plain, isOwn: false };
}

/** The tokenizer without text around sources. A BOS token that stands before every source stays. */
function withoutPrompt(files: TokenizerFiles): TokenizerFiles {
  const { config } = files;
  const { lowercase, before } = config.source;
  const begin = before?.startsWith(config.bos_token) === true ? config.bos_token : undefined;
  return {
    ...files,
    config: { ...config, source: { lowercase, ...(begin === undefined ? {} : { before: begin }) } },
  };
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
