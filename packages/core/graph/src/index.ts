export { attributeOf, float, floats, int, ints, subgraph, tensor, text, texts } from "./attributes.js";
export { GraphBuilder, type GraphBuilderOptions, type NodeOptions, type NodeOutputs } from "./builder.js";
export { checkGraph } from "./check.js";
export { decodeModel } from "./decode.js";
export { ONNX_DTYPES, dtypeOfCode, elementCount, tensorByteLength, type OnnxDType } from "./dtypes.js";
export { encodeModel } from "./encode.js";
export { readOnnx, writeOnnx, type ReadOnnxOptions, type WriteOnnxOptions } from "./files.js";
export type {
  AttributeKinds,
  AttributeValue,
  Graph,
  GraphNode,
  Initializer,
  Subgraph,
  TensorValue,
  UntypedValue,
  ValueInfo,
} from "./graph.js";
export { assertInPlaceSafe, type InPlacePair } from "./in-place.js";
export { optimizeGraph } from "./rewrite/optimize.js";
export { capturesOf, describeNode, subgraphsOf, valuesRead } from "./uses.js";
export { float16Bits, bfloat16Bits, packValues, readIntegers } from "./values.js";
export { IR_VERSIONS, OPSETS } from "./versions.js";
