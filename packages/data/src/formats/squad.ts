/**
 * Question answering in the layout of SQuAD 1.1 and 2.0: articles contain paragraphs, paragraphs contain questions.
 *
 * Source: Rajpurkar et al. 2016 (arXiv 1606.05250) and 2018 (arXiv 1806.03822), `train-v1.1.json`, `train-v2.0.json`.
 */
import type { DataFormat, ReadSettings, ScannedRecord } from "./data-format.js";
import { badDocument, isObject, listOf, Place, readDocument, type JsonObject } from "./json-document.js";

/** A record has the columns id, title, question, context, answer and answers. */
export const squadFormat: DataFormat = {
  extensions: [],
  isTable: false,
  mapping: {
    source: "question: {question} context: {context}",
    target: "{answer}",
    references: "answers",
    image: "image",
  },
  read: readSquad,
};

async function* readSquad(path: string, settings: ReadSettings): AsyncGenerator<ScannedRecord> {
  const document = await readDocument(path, settings);
  if (!isSquad(document)) {
    throw badDocument(
      path,
      'expected SQuAD, {"data": [{"title", "paragraphs": [{"context", "qas": [...]}]}]}',
    );
  }
  yield* squadRecords(document, settings);
}

/** Whether a document has the top-level structure of SQuAD. */
export function isSquad(document: unknown): document is { readonly data: readonly unknown[] } {
  return (
    isObject(document) && listOf(document.data)?.some((one) => isObject(one) && "paragraphs" in one) === true
  );
}

/** The questions in the document's order. */
function* squadRecords(
  { data }: { readonly data: readonly unknown[] },
  settings: ReadSettings,
): Generator<ScannedRecord> {
  const place = new Place();
  for (const article of data) {
    const paragraphs = isObject(article) ? listOf(article.paragraphs) : undefined;
    if (!isObject(article) || paragraphs === undefined) {
      yield place.expected('an article {"title", "paragraphs"}', article);
      continue;
    }
    for (const paragraph of paragraphs) yield* paragraphRecords(article.title, paragraph, place, settings);
  }
}

function* paragraphRecords(
  title: unknown,
  paragraph: unknown,
  place: Place,
  { unanswerable }: ReadSettings,
): Generator<ScannedRecord> {
  const questions = isObject(paragraph) ? listOf(paragraph.qas) : undefined;
  if (!isObject(paragraph) || questions === undefined) {
    yield place.expected('a paragraph {"context", "qas"}', paragraph);
    return;
  }
  for (const question of questions) {
    if (!isObject(question)) yield place.expected('a question {"question", "answers"}', question);
    else yield questionRecord({ title, context: paragraph.context, question, unanswerable }, place);
  }
}

interface Asked {
  readonly title: unknown;
  readonly context: unknown;
  readonly question: JsonObject;
  readonly unanswerable: string | undefined;
}

function questionRecord({ title, context, question, unanswerable }: Asked, place: Place): ScannedRecord {
  const list = listOf(question.answers) ?? [];
  const texts = list.map((answer) => (isObject(answer) ? answer.text : answer));
  const answers =
    question.is_impossible === true || texts.length === 0 ? noAnswer(unanswerable) : [...new Set(texts)];
  if (answers === undefined) {
    return place.reject("the question has no answer; set data.unanswerable to the target of these questions");
  }
  const columns = { id: question.id ?? "", title: title ?? "", question: question.question, context };
  return place.columns({ ...columns, answer: answers[0], answers });
}

function noAnswer(target: string | undefined): readonly string[] | undefined {
  return target === undefined ? undefined : [target];
}
