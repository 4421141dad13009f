/** A model that answers with the reversed source, and the runtime that computes it. */
import { join } from "node:path";
import { GRAPH_IO, writeDeviceModel } from "@slm/exported-model";
import { MemoryModel, tinyDeviceModel, type LogitsOf } from "@slm/exported-model/testing";
import { GraphBuilder, int, writeOnnx } from "@slm/onnx";
import { createHostTensor, elementCount, type HostTensor } from "@slm/runtime";
import type { MemoryOutputs, MemoryRun } from "@slm/runtime/testing";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";
import { PADDING, ROWS, fresh, placed } from "./batching/row-graphs.js";

const LETTERS = "abcdefgh";
const SPECIAL_TOKENS = 4;
const VOCABULARY = SPECIAL_TOKENS + 2 * LETTERS.length;

/** The answer of the model to a source: its letters from last to first, in capitals, then the end. */
export function expectedAnswer(source: string): string {
  return Array.from(source).toReversed().join(" ").toUpperCase();
}

/** Writes model.json, the tokenizer and the outline of a decoder. */
export async function writeMemoryModel(directory: string, encoderScheme = "float32"): Promise<void> {
  const files = trainSymbolTokenizer({
    sources: [LETTERS],
    targets: [Array.from(LETTERS).join(" ").toUpperCase()],
    sourceLowercase: true,
  });
  await writeTokenizer(files, directory);
  const graph = (file: string, scheme: string) => ({ file, bytes: 1, scheme });
  await writeDeviceModel(
    directory,
    tinyDeviceModel({
      name: "memory",
      graphs: { encoder: graph("encoder.onnx", encoderScheme), decoder: graph("decoder.onnx", "float32") },
      vocabularySize: VOCABULARY,
      maxSource: 10,
      maxTarget: 12,
    }),
  );
  const builder = new GraphBuilder("decoder");
  const past = builder.input(GRAPH_IO.pastLength, "int32", ["batch"]);
  const column = builder.op("Unsqueeze", [past, builder.ints([1])]);
  builder.output(GRAPH_IO.logits, builder.op("Cast", [column], { attributes: { to: int(1) } }), "float32", [
    "batch",
    1,
  ]);
  await writeOnnx(builder.build(), join(directory, "decoder.onnx"));
}

/** The runtime of that model, with the graphs that move rows of a running batch. */
export const createMemoryModel = (): MemoryModel =>
  new MemoryModel(backwards, { "serve/place": placeRows, "serve/move": moveRows });

/** Counts the symbols in the cache, so that a row that was moved wrongly answers the wrong letter. */
const backwards: LogitsOf = (source, fed) => {
  const count = fed.filter((id) => id >= SPECIAL_TOKENS).length;
  const letter = source.at(-1 - count);
  const next = letter === undefined ? 2 : letter + LETTERS.length;
  return Array.from({ length: VOCABULARY }, (_, id) => (id === next ? 1 : 0));
};

/** As `placeGraph`: rows of the batch are replaced by fresh ones. */
function placeRows({ feeds, request: { into = {} } }: MemoryRun): MemoryOutputs {
  const rows = Array.from(feeds[ROWS]!.data, Number);
  const padding = Number(feeds[PADDING]!.data[0]);
  const replaced = Object.keys(into).map((output) => {
    const name = output.slice(placed("").length);
    const { dtype, shape, data } = feeds[name]!;
    const batch = createHostTensor(dtype, shape, data.slice());
    const added = widened(feeds[fresh(name)]!, padding, name);
    const size = elementCount(shape.slice(1));
    rows.forEach((row, at) => {
      batch.data.set(added.data.subarray(at * size, (at + 1) * size) as never, row * size);
    });
    return [output, batch] as const;
  });
  return Object.fromEntries(replaced);
}

/** As `moveGraph`: chosen rows of the batch, their sources made wider. */
function moveRows({ feeds, request: { keep = [] } }: MemoryRun): MemoryOutputs {
  const rows = Array.from(feeds[ROWS]!.data, Number);
  const padding = Number(feeds[PADDING]!.data[0]);
  const moved = keep.map((output) => {
    const name = output.slice(placed("").length);
    const { shape, data } = feeds[name]!;
    const size = elementCount(shape.slice(1));
    const tensor = createHostTensor("float32", [rows.length, ...shape.slice(1)]);
    rows.forEach((row, at) => {
      tensor.data.set(data.subarray(row * size, (row + 1) * size) as never, at * size);
    });
    return [output, widened(tensor, padding, name)] as const;
  });
  return Object.fromEntries(moved);
}

/** Pads the axis of the source; every other axis of this model but the rows is 1. */
function widened(tensor: HostTensor, padding: number, name: string): HostTensor {
  if (name.startsWith("past") || padding === 0) return tensor;
  const { shape, data } = tensor;
  const axis = name === GRAPH_IO.crossValue(0) ? 2 : 3;
  const width = shape[axis]!;
  const wide = createHostTensor("float32", shape.with(axis, width + padding));
  const filling = name === GRAPH_IO.sourceBias ? -1e9 : 0;
  for (let at = 0; at < wide.data.length; at++) wide.data[at] = filling;
  data.forEach((value, at) => {
    wide.data[Math.floor(at / width) * (width + padding) + (at % width)] = Number(value);
  });
  return wide;
}
