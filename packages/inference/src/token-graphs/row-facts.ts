/** Building blocks that the graphs that choose tokens compute for each row of logits. */
import { int, type GraphBuilder } from "@slm/onnx";

/** The input of every graph that chooses tokens: float32 `[rows, vocab]`. */
export const LOGITS = "logits";
/** Symbolic size of the rows. */
export const ROWS = "rows";

/** Sum, or maximum, of each row: float32 `[rows, 1]`. */
const ofRows = (builder: GraphBuilder, opType: "ReduceSum" | "ReduceMax", x: string): string =>
  builder.op(opType, [x, builder.ints([1])], { attributes: { keepdims: int(1) } });

/** 1 where a mask is true, 0 elsewhere: float32. */
export const isTrue = (builder: GraphBuilder, mask: string): string =>
  builder.op("Cast", [mask], { attributes: { to: int(FLOAT32) } });

/** Number of true values in each row: float32 `[rows, 1]`, exact up to 2^24. */
export const countOf = (builder: GraphBuilder, mask: string): string =>
  ofRows(builder, "ReduceSum", isTrue(builder, mask));

/** The value at a position of each row. Shapes: values `[rows, count]`, place float32 `[rows, 1]` -> `[rows, 1]`. */
export function valueAt(
  builder: GraphBuilder,
  values: string,
  { place, count }: { readonly place: string; readonly count: number },
): string {
  const isThere = builder.op("Equal", [places(builder, count), place]);
  const zero = builder.constant("float32", [], [0]);
  return ofRows(builder, "ReduceSum", builder.op("Where", [isThere, values, zero]));
}

/** 0, 1, 2, ... as float32 `[count]`. */
export const places = (builder: GraphBuilder, count: number): string =>
  builder.constant(
    "float32",
    [count],
    Float32Array.from({ length: count }, (_, place) => place),
  );

/** Converts whole numbers in a float32 `[rows, count]` to the int32 output `name`. */
export function intOutput(builder: GraphBuilder, name: string, value: string, count: number): void {
  builder.output(name, builder.op("Cast", [value], { attributes: { to: int(INT32) } }), "int32", [
    ROWS,
    count,
  ]);
}

/** Logits of each row minus the largest, float32 `[rows, vocab]`, with the largest and log(sum(exp(.))) of the differences, `[rows, 1]`. */
export interface RowFacts {
  readonly highest: string;
  readonly shifted: string;
  readonly logSum: string;
}

export function rowFacts(builder: GraphBuilder): RowFacts {
  const highest = ofRows(builder, "ReduceMax", LOGITS);
  const shifted = builder.op("Sub", [LOGITS, highest]);
  const logSum = builder.op("Log", [ofRows(builder, "ReduceSum", builder.op("Exp", [shifted]))]);
  return { highest, shifted, logSum };
}

/** The `count` largest values of each row, largest first, `[rows, count]`, and their positions, int64. Equal values are in any order. */
export function largest(
  builder: GraphBuilder,
  x: string,
  count: number,
): { readonly values: string; readonly found: string } {
  const [values, found] = builder.node("TopK", [x, builder.ints([count])], {
    outputs: 2,
    attributes: { axis: int(-1) },
  });
  return { values: values!, found: found! };
}

/** ONNX element types. */
const FLOAT32 = 1;
const INT32 = 6;
