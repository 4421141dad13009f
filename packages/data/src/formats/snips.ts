/**
 * Commands with intents and slots in the layout of the SNIPS benchmark: a list of utterances per intent, each divided into
 * pieces, some of which are slot values.
 *
 * Source: Coucke et al. 2018 (arXiv 1805.10190), directory `2017-06-custom-intent-engines` of the `nlu-benchmark` data.
 */
import type { DataFormat, ReadSettings, ScannedRecord } from "./data-format.js";
import { badDocument, isObject, listOf, Place, readDocument, type JsonObject } from "./json-document.js";

/** A record has the columns text, intent and call; call is `{"name": intent, "arguments": {slot: value}}` as JSON. */
export const snipsFormat: DataFormat = {
  extensions: [],
  isTable: false,
  mapping: {
    source: "{text}",
    target: "{call}",
    references: "references",
    image: "image",
  },
  read: readSnips,
};

async function* readSnips(path: string, settings: ReadSettings): AsyncGenerator<ScannedRecord> {
  const document = await readDocument(path, settings);
  if (!isSnips(document)) {
    throw badDocument(path, 'expected SNIPS intents, {"Intent": [{"data": [{"text", "entity"?}]}]}');
  }
  yield* snipsRecords(document);
}

/** Whether a document has the top-level structure of SNIPS. */
export function isSnips(document: unknown): document is JsonObject {
  if (!isObject(document)) return false;
  const intents = Object.values(document).map(listOf);
  return intents.some((list) => list?.some((one) => isObject(one) && listOf(one.data) !== undefined));
}

/** The utterances in the document's order. */
function* snipsRecords(document: JsonObject): Generator<ScannedRecord> {
  const place = new Place();
  for (const [intent, utterances] of Object.entries(document)) {
    const list = listOf(utterances);
    if (list === undefined)
      yield place.expected(`a list of utterances of '${intent.slice(0, 80)}'`, utterances);
    for (const utterance of list ?? []) yield utteranceRecord(intent, utterance, place);
  }
}

function utteranceRecord(intent: string, utterance: unknown, place: Place): ScannedRecord {
  const pieces = isObject(utterance) ? listOf(utterance.data) : undefined;
  if (pieces === undefined) return place.expected('an utterance {"data": [...]}', utterance);
  const texts: string[] = [];
  const slots = new Map<string, readonly string[]>();
  for (const piece of pieces) {
    if (!isObject(piece) || typeof piece.text !== "string") return place.expected('a piece {"text"}', piece);
    texts.push(piece.text);
    if (piece.entity === undefined) continue;
    if (typeof piece.entity !== "string")
      return place.expected("the name of a slot in 'entity'", piece.entity);
    slots.set(piece.entity, [...(slots.get(piece.entity) ?? []), piece.text.trim()]);
  }
  const call = { name: intent, arguments: Object.fromEntries(Array.from(slots, argumentOf)) };
  return place.columns({ text: texts.join("").trim(), intent, call: JSON.stringify(call) });
}

/** A slot's argument: its value, or a list if an utterance fills it more than once. */
function argumentOf([slot, values]: readonly [string, readonly string[]]): readonly [string, unknown] {
  return [slot, values.length === 1 ? values[0] : values];
}
