export { attributeOf, float, floats, int, ints, subgraph, tensor, text, texts } from "./graph/attributes.js";
export { GraphBuilder, type NodeOptions } from "./builder.js";
export { checkGraph } from "./checks/check.js";
export { decodeModel, decodeOutline } from "./codec/decode.js";
export { ONNX_DTYPES, dtypeOfCode, elementCount, type OnnxDType } from "./graph/dtypes.js";
export { encodeAddition, encodeModel, type GraphAddition } from "./codec/encode.js";
export { readOnnx, writeOnnx, writeOnnxSet } from "./files/files.js";
export { fixSizes, isSymbol, sizeTemplates, symbolsOf, type FixedSizes } from "./rewrite/fix-sizes.js";
export type {
  AttributeValue,
  Graph,
  GraphNode,
  Initializer,
  ModelOutline,
  OutputInfo,
  Subgraph,
  TensorValue,
  UntypedValue,
  ValueInfo,
} from "./graph/graph.js";
export { GraphIndex } from "./wiring/graph-index.js";
export { weightBytes } from "./graph/graph-size.js";
export { assertInPlaceSafe, type InPlacePair } from "./checks/in-place.js";
export { encodeLinked, readLinked, type LinkedGraph } from "./files/linked.js";
export { nodesAfter, reachableNodes } from "./wiring/reach.js";
export { float16Value, readNumbers } from "./graph/read-numbers.js";
export { modelFiles, readOutline } from "./files/read-outline.js";
export { removeDeadCode } from "./rewrite/dead-code.js";
export { liftConstants } from "./rewrite/lift-constants.js";
export { optimizeGraph } from "./rewrite/optimize.js";
export { shorten } from "./graph/shorten.js";
export { standardNode } from "./graph/standard-node.js";
export { sortNodes } from "./wiring/topology.js";
export { capturesOf, subgraphsOf, valuesRead } from "./wiring/uses.js";
export { packValues, readIntegers } from "./graph/values.js";
export { RANDOM_OPERATORS } from "./rewrite/common-subexpressions.js";
